/** dockerd's words for what goes wrong with networks. */
import { DockerError, type ErrorTexts } from '../error.ts';

export const NETWORK_TEXTS: ErrorTexts = {
  network_not_found: (_error, named) => new DockerError(404, `network ${named} not found`),
  name_taken: (error) => new DockerError(409, error.message),
  subnet_overlap: (error) =>
    new DockerError(403, `Pool overlaps with other one on this address space: ${error.message}`),
  network_in_use: (error) =>
    new DockerError(403, `error while removing network: ${error.message}: it has active endpoints`),
  default_network: (_error, named) => new DockerError(403, `${named} is a pre-defined network and cannot be removed`),
  address_taken: (error) => new DockerError(403, `Address already in use: ${error.message}`),
  no_network_of_its_own: (error) => new DockerError(403, error.message),
};
