/** testcontainers in a room: what each step saw is printed as one JSON object. */
import { text } from 'node:stream/consumers';
import { GenericContainer, Network, Wait } from 'testcontainers';

const BASE = 'tare.test/base:latest';
const of = (command: string): GenericContainer => new GenericContainer(BASE).withCommand(['sh', '-c', command]);

const network = await new Network().start();
const web = await of('mkdir /www; echo served > /www/index.html; exec httpd -f -p 8080 -h /www')
  .withExposedPorts(8080)
  .withNetwork(network)
  .withNetworkAliases('web')
  .start();
const page = await (await fetch(`http://${web.getHost()}:${web.getMappedPort(8080)}/`)).text();

const logging = await of('echo listening; exec sleep 1000')
  .withNetwork(network)
  .withWaitStrategy(Wait.forLogMessage(/listening/))
  .start();
const { output: reached, exitCode } = await logging.exec(['wget', '-qO-', 'http://web:8080/']);
const { stdout, stderr, exitCode: failed } = await logging.exec(['sh', '-c', 'echo out; echo err >&2; exit 3']);

const healthy = await of('until [ -e /tmp/copied ]; do sleep 0.05; done; touch /ok; exec sleep 1000')
  .withCopyContentToContainer([{ content: 'from outside', target: '/tmp/copied' }])
  .withHealthCheck({ test: ['CMD', 'test', '-e', '/ok'], interval: 200, timeout: 5000, retries: 100 })
  .withWaitStrategy(Wait.forHealthCheck())
  .start();
const copied = await healthy.exec(['cat', '/tmp/copied']);
const archive = await text(await healthy.copyArchiveFromContainer('/tmp/copied'));

await web.restart();
const again = await (await fetch(`http://${web.getHost()}:${web.getMappedPort(8080)}/`)).text();

for (const container of [healthy, logging, web]) await container.stop();
await network.stop();

process.stdout.write(
  JSON.stringify({
    ...{ page, reached, exitCode, stdout, stderr, failed, again },
    ...{ copied: copied.output, archived: archive.includes('from outside') },
  }),
);
