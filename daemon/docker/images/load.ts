/** `POST /images/load` */
import type { Progress } from '../../../shared/api/image.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { jsonLines } from '../streams/json-lines.ts';
import { layerLine } from './layer-line.ts';
import { platformOf } from './names.ts';

const WORDS = { unpacking: 'Loading layer' } as const;

export const loadImages: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/images/load',
  upload: true,
  handle({ engine }, call) {
    const isQuiet = call.query.flag('quiet');
    const platform = platformOf(call.query.text('platform'));
    return jsonLines(call, async (tell) => {
      const report = (progress: Progress): void => {
        const line = isQuiet ? undefined : layerLine(progress, WORDS);
        if (line !== undefined) tell(line);
      };
      const query = platform === undefined ? {} : { platform };
      const { images } = await engine.loadImages(call.upload, query, report, call.signal);
      for (const { id, names } of images) {
        for (const name of names) tell({ stream: `Loaded image: ${name}\n` });
        if (names.length === 0) tell({ stream: `Loaded image ID: ${id}\n` });
      }
    });
  },
});
