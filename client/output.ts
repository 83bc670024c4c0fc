/** stdout and stderr of short commands. */

/** Exit code of a program that SIGPIPE ends, as `tare logs … | head` ends it. */
export const BROKEN_PIPE = 141;

export function print(text: string): void {
  if (text !== '') process.stdout.write(text);
}

/** For streams: resolves when the reader has kept up. */
export async function printSlowly(text: string, output: NodeJS.WriteStream = process.stdout): Promise<void> {
  if (output.write(text)) return;
  await new Promise<void>((resolve) => {
    output.once('drain', resolve);
  });
}

/** Everything written has reached the kernel: process.exit() would cut off what a pipe has not taken yet. */
export async function flush(): Promise<void> {
  await Promise.all([process.stdout, process.stderr].map((output) => flushed(output)));
}

function flushed(output: NodeJS.WriteStream): Promise<void> {
  if (output.writableLength === 0) return Promise.resolve();
  return new Promise((resolve) => {
    output.write('', () => {
      resolve();
    });
  });
}
