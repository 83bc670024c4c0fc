/** Redirects: as many as the limits say, to where we may go, and with credentials for nobody but who they are for. */
import { RegistryFailure } from './failure.ts';
import { shown } from '../errors.ts';
import type { Answer } from './answer.ts';
import type { Outgoing, Transport } from './transport.ts';

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** These keep the method: RFC 9110 sections 15.4.8 and 15.4.9. */
const KEEPING: ReadonlySet<number> = new Set([307, 308]);

/** The place that the answer's header names; throws RegistryFailure where we do not go there. */
export function locationOf(answer: Answer, transport: Transport, what: string): URL {
  const text = answer.header('location');
  const { url } = answer;
  if (text === undefined || !URL.canParse(text, url.href)) {
    const problem = text === undefined ? 'names no place to go on' : `names "${shown(text)}", which is no place`;
    throw new RegistryFailure('registry_invalid', `${what}: ${url.host} ${problem}`);
  }
  const target = new URL(text, url);
  const objection = transport.registries.objection(url, target);
  if (objection !== undefined) {
    throw new RegistryFailure(
      'redirect_refused',
      `${what}: ${url.host} sends us to ${shown(target.origin)}: ${objection}`,
    );
  }
  target.hash = '';
  return target;
}

/** Credentials are for the origin they were made for. */
export function withoutCredentials(headers: Outgoing['headers']): Outgoing['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'authorization'));
}

function isFollowed(outgoing: Outgoing, status: number): boolean {
  if (!REDIRECTS.has(status)) return false;
  if (outgoing.method === 'GET' || outgoing.method === 'HEAD') return true;
  // With an upload's stream underway there is no turning round; its place was named at its start.
  return KEEPING.has(status) && (outgoing.body === undefined || outgoing.body instanceof Uint8Array);
}

/** Throws RegistryFailure redirect_refused, naming `what`, and what Transport.exchange throws. */
export async function exchangeFollowing(
  transport: Transport,
  outgoing: Outgoing,
  most: number,
  what: string,
): Promise<Answer> {
  let request = outgoing;
  for (let redirects = 0; ; redirects++) {
    const answer = await transport.exchange(request);
    if (!isFollowed(request, answer.status)) return answer;
    await answer.discard();
    if (redirects === most) {
      throw new RegistryFailure('redirect_refused', `${what}: ${outgoing.url.host} redirects more than ${most} times`);
    }
    const url = locationOf(answer, transport, what);
    const headers = url.origin === request.url.origin ? request.headers : withoutCredentials(request.headers);
    request = { ...request, url, headers };
  }
}
