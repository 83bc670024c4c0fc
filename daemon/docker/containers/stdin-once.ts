/** Whether the end of a client's input is the end of the container's: `StdinOnce` of what it asked for at create. */
export function closesStdin(asked: unknown): boolean {
  // of the native API: an attachment that ends its input ends that of the container
  if (typeof asked !== 'object' || asked === null) return true;
  return Object.entries(asked).some(([key, value]) => key.toLowerCase() === 'stdinonce' && value === true);
}
