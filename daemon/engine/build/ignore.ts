/** Which of the builder's own files .dockerignore takes out of the context: whoever sent it had need of them, steps do not see them. */
import { isIgnored, parseIgnore } from '../../../shared/dockerignore.ts';

export const IGNORE_FILE = '.dockerignore';

/** `text`: of the file in the context. */
export function hiddenFiles(text: string, dockerfile: string): string[] {
  const rules = parseIgnore(text);
  return [IGNORE_FILE, dockerfile].filter((path) => isIgnored(rules, path));
}
