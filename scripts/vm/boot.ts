/** One life of the virtual machine: software emulation, no network, two serial ports. */
import { spawn } from 'node:child_process';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Boot {
  readonly kernel: string;
  readonly initramfs: string;
  /** Attached so that nothing written to it stays. */
  readonly disk: string;
  /** For the empty disks and the kernel's words. */
  readonly folder: string;
  readonly milliseconds: number;
  /** Every piece of what the guest writes to its second serial port, without carriage returns. */
  readonly take: (text: string) => void;
}

export interface Life {
  /** "over": it has turned itself off (or panicked). */
  readonly end: 'over' | 'time' | 'interrupted';
  /** Exit code of qemu. */
  readonly code: number;
  /** Path of what the kernel wrote to the console. */
  readonly console: string;
}

const KERNEL_WORDS = [
  'console=ttyS0 loglevel=4',
  // A panic ends the machine at once.
  'panic=-1 oops=panic',
  // Nothing to keep secret from anyone in there.
  'mitigations=off',
  'cgroup_no_v1=all swapaccount=1',
  'apparmor=1 security=apparmor',
];

const EMPTY_DISKS = { swap: 256, throttled: 64 } as const;

function qemuArguments({ kernel, initramfs, disk, folder }: Boot, consoleLog: string): string[] {
  const disks = [disk];
  for (const [name, megabytes] of Object.entries(EMPTY_DISKS)) {
    const path = join(folder, `${name}.img`);
    writeFileSync(path, '');
    truncateSync(path, megabytes * 1024 * 1024);
    disks.push(path);
  }
  return [
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-machine', 'pc'],
    // A thread for each processor would be no faster beside other tests, and once had both stuck in the kernel for good.
    ...['-accel', 'tcg,thread=single', '-cpu', 'max', '-smp', '2', '-m', '2G'],
    ...['-kernel', kernel, '-initrd', initramfs],
    ...['-append', KERNEL_WORDS.join(' ')],
    ...['-serial', `file:${consoleLog}`, '-serial', 'stdio'],
    ...disks.flatMap((path, index) => [
      ...['-drive', `file=${path},if=none,id=disk${String(index)},format=raw,snapshot=on`],
      // vectors=0, no MSI-X: qemu 7.2 now and then ends with an assertion in msix_table_mmio_write.
      ...['-device', `virtio-blk-pci,drive=disk${String(index)},vectors=0`],
    ]),
  ];
}

/** Resolves at the end of the machine, whichever it was. */
export function boot(wanted: Boot): Promise<Life> {
  const consoleLog = join(wanted.folder, 'console.log');
  rmSync(consoleLog, { force: true });
  return new Promise((resolve, reject) => {
    const machine = spawn('qemu-system-x86_64', qemuArguments(wanted, consoleLog), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let end: Life['end'] = 'over';
    const stop = (why: Life['end']) => {
      end = why;
      machine.kill('SIGKILL');
    };
    const timer = setTimeout(stop, wanted.milliseconds, 'time');
    const interrupt = () => {
      stop('interrupted');
    };
    process.on('SIGINT', interrupt);
    process.on('SIGTERM', interrupt);
    machine.stdout.setEncoding('utf8');
    machine.stdout.on('data', (text: string) => {
      wanted.take(text.replaceAll('\r', ''));
    });
    machine.on('error', reject);
    machine.on('close', (code) => {
      clearTimeout(timer);
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
      resolve({ end, code: code ?? 128, console: consoleLog });
    });
  });
}
