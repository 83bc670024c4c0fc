/** How long something takes, roughly: github.com/docker/go-units, HumanDuration(). Clients print it as it comes. */

const DAY = 24;
const WEEK = 7 * DAY;

export function humanDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${String(seconds)} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${String(minutes)} minutes`;
  const hours = Math.floor(seconds / 3600 + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 2 * DAY) return `${String(hours)} hours`;
  if (hours < 2 * WEEK) return `${String(Math.floor(hours / DAY))} days`;
  if (hours < 60 * DAY) return `${String(Math.floor(hours / WEEK))} weeks`;
  if (hours < 730 * DAY) return `${String(Math.floor(hours / DAY / 30))} months`;
  return `${String(Math.floor(seconds / 3600 / DAY / 365))} years`;
}
