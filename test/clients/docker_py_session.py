"""docker-py against the engine of DOCKER_HOST: one function a theme; what came of each is printed as one JSON object."""

import io
import json
import sys
import tarfile
import traceback

import docker

BASE = 'tare.test/base:latest'
REGISTRY = '127.0.0.1:5000'

client = docker.from_env()


def archive(**files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    return out.getvalue()


def idle(name, **options):
    """A container that runs until it is told to go."""
    command = ['sh', '-c', 'trap "exit 7" TERM; while :; do sleep 0.05; done']
    return client.containers.run(BASE, command, name=name, detach=True, **options)


def printed(image, command=None, **options):
    """What a container prints on stdout, read when it has ended."""
    container = client.containers.create(image, command, **options)
    container.start()
    container.wait()
    text = container.logs(stdout=True, stderr=False)
    container.remove()
    return text


def raises(kind, work):
    try:
        work()
    except kind as error:
        return error
    raise AssertionError(f'{kind.__name__} was not raised')


def frame(sock):
    """One frame of a multiplexed stream, as (stream, bytes)."""
    def exactly(count):
        data = b''
        while len(data) < count:
            piece = sock.recv(count - len(data))
            assert piece, 'the stream has ended'
            data += piece
        return data

    head = exactly(8)
    return head[0], exactly(int.from_bytes(head[4:], 'big'))


def system():
    assert client.ping()
    assert client.version()['ApiVersion'] == '1.51'
    assert client.info()['Images'] >= 2
    assert client.df()['Images']


def run():
    container = client.containers.run(BASE, ['sh', '-c', 'echo out; echo err >&2'], detach=True)
    assert container.wait()['StatusCode'] == 0
    assert container.logs(stderr=False) == b'out\n' and container.logs(stdout=False) == b'err\n'
    container.remove()
    environment = printed(BASE, 'env', environment={'A': 'b'}, hostname='box')
    assert b'A=b\n' in environment and b'HOSTNAME=box\n' in environment
    error = raises(docker.errors.ContainerError, lambda: client.containers.run(BASE, ['sh', '-c', 'echo no >&2; exit 3'], remove=True))
    assert (error.exit_status, error.stderr) == (3, b'no\n')
    raises(docker.errors.NotFound, lambda: client.containers.run(f'{REGISTRY}/none'))


def life():
    container = idle('py-life', labels={'of': 'py'}, ports={'80/tcp': None}, mem_limit='64m')
    assert [each.name for each in client.containers.list(filters={'label': 'of=py'})] == ['py-life']
    container.reload()
    assert container.status == 'running' and container.ports['80/tcp'][0]['HostPort']
    assert any('sleep' in ' '.join(row) or 'trap' in ' '.join(row) for row in container.top()['Processes'])
    container.pause()
    container.reload()
    assert container.status == 'paused'
    container.unpause()
    container.rename('py-renamed')
    container.update(mem_limit='32m', memswap_limit='32m')
    container.reload()
    assert container.name == 'py-renamed' and container.attrs['HostConfig']['Memory'] == 32 << 20
    container.stop(timeout=30)
    assert container.wait()['StatusCode'] == 7
    container.start()
    container.kill()
    assert container.wait()['StatusCode'] == 137
    container.remove()
    raises(docker.errors.NotFound, container.reload)


def execs():
    container = idle('py-exec')
    assert container.exec_run(['sh', '-c', 'exit 4']).exit_code == 4
    # What is printed while docker-py still reads the head it would lose, with dockerd too.
    command = ['sh', '-c', 'until [ -e /tmp/go ]; do sleep 0.02; done; echo out; echo err >&2']
    output = container.exec_run(command, stream=True, demux=True).output
    container.exec_run(['touch', '/tmp/go'], detach=True)
    said = list(output)
    assert b''.join(out for out, _ in said if out) == b'out\n' and b''.join(err for _, err in said if err) == b'err\n'
    sock = container.exec_run(['sh', '-c', 'cat; echo end >&2'], stdin=True, socket=True).output
    sock._sock.sendall(b'through\n')
    assert frame(sock._sock) == (1, b'through\n')
    sock._sock.shutdown(1)
    assert frame(sock._sock) == (2, b'end\n') and sock._sock.recv(1) == b''
    container.remove(force=True)


def attach():
    container = client.containers.run(BASE, ['sh', '-c', 'while read line; do echo "got $line"; done'], name='py-attach', detach=True, stdin_open=True)
    for text in (b'one\n', b'two\n'):
        # Without StdinOnce the input stays open for who comes next.
        sock = container.attach_socket(params={'stdin': 1, 'stdout': 1, 'stream': 1})
        sock._sock.sendall(text)
        assert frame(sock._sock) == (1, b'got ' + text)
        sock._response.close()
    container.reload()
    assert container.status == 'running'
    assert container.attach(logs=True, stream=False) == b'got one\ngot two\n'
    container.remove(force=True)


def archives():
    container = idle('py-copy')
    assert container.put_archive('/tmp', archive(a=b'first', b=b'second'))
    pieces, stat = container.get_archive('/tmp/b')
    assert (stat['name'], stat['size']) == ('b', 6)
    with tarfile.open(fileobj=io.BytesIO(b''.join(pieces))) as tar:
        assert tar.extractfile('b').read() == b'second'
    raises(docker.errors.NotFound, lambda: container.get_archive('/none'))
    assert {'Path': '/tmp/a', 'Kind': 1} in container.diff()
    with tarfile.open(fileobj=io.BytesIO(b''.join(container.export()))) as tar:
        exported = next(member for member in tar if member.name.removeprefix('./') == 'tmp/a')
        assert tar.extractfile(exported).read() == b'first'
    image = container.commit('tare.test/py-made', '1', changes='LABEL made=here')
    assert image.tags == ['tare.test/py-made:1'] and image.labels == {'made': 'here'}
    container.remove(force=True)
    assert printed(image, ['cat', '/tmp/a']) == b'first'
    client.images.remove('tare.test/py-made:1')


def logs():
    container = client.containers.run(BASE, ['sh', '-c', 'for i in 1 2 3; do echo "line $i"; done; until [ -e /go ]; do sleep 0.02; done; echo last'], name='py-logs', detach=True)
    stream = container.logs(stream=True, follow=True)
    text = b''
    while b'line 3\n' not in text:
        text += next(stream)
    container.put_archive('/', archive(go=b''))
    assert text + b''.join(stream) == b'line 1\nline 2\nline 3\nlast\n'
    assert container.logs(tail=1) == b'last\n' and container.logs(stdout=False, stderr=True) == b''
    stamped = container.logs(timestamps=True).splitlines()
    assert len(stamped) == 4 and all(line[10:11] == b'T' for line in stamped)
    container.remove(force=True)


def events():
    stream = client.events(decode=True, filters={'container': 'py-events', 'type': 'container'})
    container = idle('py-events')
    container.kill()
    container.wait()
    container.remove()
    actions = []
    for event in stream:
        actions.append(event['Action'])
        if event['Action'] == 'die':
            assert event['Actor']['Attributes']['exitCode'] == '137'
        if event['Action'] == 'destroy':
            break
    stream.close()
    # Whether "kill" is told before or after the end it brings about is nobody's promise.
    assert [each for each in actions if each != 'kill'] == ['create', 'start', 'die', 'destroy'], actions
    assert 'kill' in actions


def stats():
    container = idle('py-stats')
    once = container.stats(stream=False)
    assert once['name'] == '/py-stats' and once['memory_stats']['usage'] > 0 and once['cpu_stats']['system_cpu_usage'] > 0
    stream = container.stats(decode=True)
    first, second = next(stream), next(stream)
    assert second['precpu_stats']['cpu_usage'] == first['cpu_stats']['cpu_usage']
    container.remove(force=True)
    raises(StopIteration, lambda: [next(stream) for _ in range(100)])


def images():
    dockerfile = f'FROM {BASE}\nARG WHO\nRUN echo "$WHO" > /who\nLABEL of=py\nCMD ["cat", "/who"]\n'.encode()
    image, log = client.images.build(fileobj=io.BytesIO(dockerfile), tag='tare.test/py-built:1', buildargs={'WHO': 'me'})
    assert any('Successfully built' in line.get('stream', '') for line in log)
    said = printed(image)
    assert said == b'me\n', said
    context = io.BytesIO(archive(Dockerfile=f'FROM {BASE}\nCOPY a /a\n'.encode(), a=b'A'))
    copied, _ = client.images.build(fileobj=context, custom_context=True, rm=True)
    assert printed(copied, ['cat', '/a']) == b'A'
    failing = raises(docker.errors.BuildError, lambda: client.images.build(fileobj=io.BytesIO(f'FROM {BASE}\nRUN exit 5\n'.encode())))
    assert 'returned a non-zero code: 5' in failing.msg, failing.msg
    assert image.history()[0]['Tags'] == ['tare.test/py-built:1']
    assert [each.id for each in client.images.list(filters={'label': 'of=py'})] == [image.id]
    saved = b''.join(image.save(named=True))
    client.images.remove('tare.test/py-built:1')
    assert client.images.load(saved)[0].id == image.id
    # To a registry and back.
    assert image.tag(f'{REGISTRY}/py', '1')
    pushed = client.images.push(f'{REGISTRY}/py', '1', stream=True, decode=True)
    assert any('Digest' in line.get('aux', {}) for line in pushed)
    for name in ('tare.test/py-built:1', f'{REGISTRY}/py:1'):
        client.images.remove(name)
    assert client.images.pull(f'{REGISTRY}/py', '1').id == image.id
    assert client.images.get_registry_data(f'{REGISTRY}/py:1').id.startswith('sha256:')
    client.images.remove(f'{REGISTRY}/py:1')
    raises(docker.errors.ImageNotFound, lambda: client.images.get(f'{REGISTRY}/py:1'))


def networks():
    pool = docker.types.IPAMPool(subnet='10.87.0.0/24', gateway='10.87.0.1')
    network = client.networks.create('py-net', labels={'of': 'py'}, ipam=docker.types.IPAMConfig(pool_configs=[pool]))
    server = idle('py-server')
    network.connect(server, aliases=['served'], ipv4_address='10.87.0.9')
    network.reload()
    assert [each.name for each in network.containers] == ['py-server']
    found = printed(BASE, ['nslookup', 'served'], network='py-net')
    assert b'10.87.0.9' in found, found
    network.disconnect(server)
    server.remove(force=True)
    assert [each.name for each in client.networks.list(filters={'label': 'of=py'})] == ['py-net']
    network.remove()
    raises(docker.errors.NotFound, network.reload)


def volumes():
    volume = client.volumes.create('py-volume', labels={'of': 'py'})
    mounted = {'py-volume': {'bind': '/kept', 'mode': 'rw'}}
    printed(BASE, ['sh', '-c', 'echo kept > /kept/f'], volumes=mounted)
    assert printed(BASE, ['cat', '/kept/f'], volumes=mounted) == b'kept\n'
    assert [each.name for each in client.volumes.list(filters={'label': 'of=py'})] == ['py-volume']
    volume.remove()
    raises(docker.errors.NotFound, volume.reload)


THEMES = [system, run, life, execs, attach, archives, logs, events, stats, images, networks, volumes]


def tried(theme):
    try:
        theme()
    except Exception:
        return traceback.format_exc()
    return 'done'


if __name__ == '__main__':
    chosen = sys.argv[1:]
    print(json.dumps({theme.__name__: tried(theme) for theme in THEMES if not chosen or theme.__name__ in chosen}))
