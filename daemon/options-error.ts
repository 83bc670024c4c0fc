/** What was typed, or stands in the config file, is not understood. */
export class OptionsError extends Error {
  override name = 'OptionsError';
}
