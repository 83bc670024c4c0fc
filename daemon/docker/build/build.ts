/** `POST /build`: the classic builder. */
import type { Progress } from '../../../shared/api/image.ts';
import { EngineError } from '../../engine/errors.ts';
import { DockerError, type ErrorTexts, toDockerError } from '../error.ts';
import { tellPull } from '../images/create.ts';
import { REGISTRY_TEXTS } from '../images/texts.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { buildQueryOf } from './build-query.ts';
import { buildLines } from './lines.ts';

const TEXTS: ErrorTexts = {
  ...REGISTRY_TEXTS,
  build_failed: (error) => new DockerError(500, error.message),
  invalid_reference: (error) => new DockerError(400, `invalid reference format: ${error.message}`),
};

export const build: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/build',
  upload: true,
  texts: TEXTS,
  handle({ engine }, call) {
    const query = buildQueryOf(call.query);
    const isQuiet = call.query.flag('q');
    const { 'x-registry-config': header } = call.request.headers;
    const config = typeof header === 'string' ? header : undefined;
    return buildLines(
      async (tell) => {
        const report = (progress: Progress): Promise<void> | undefined => {
          if (isQuiet) return undefined;
          if (progress.output !== undefined) return tell({ stream: progress.output });
          tellPull((line) => void tell(line), progress);
          return undefined;
        };
        const { id } = await engine.buildImage(call.upload, query, config, report, call.signal);
        await tell(isQuiet ? { stream: `${id}\n` } : { aux: { ID: id } });
      },
      (error) => ({
        error: toDockerError(error, TEXTS, call.id),
        code: error instanceof EngineError ? error.exitCode : undefined,
      }),
    );
  },
});
