/** The commands of `tare image`. */
import { twin, type CommandGroup } from '../../command.ts';

export const IMAGE_COMMANDS: CommandGroup = {
  name: 'image',
  summary: 'Manage images',
  commands: [
    { ...twin('image ls', 'List images', async () => (await import('../images.ts')).images), aliases: ['list'] },
    twin('image build', 'Build an image of a Dockerfile', async () => (await import('../build.ts')).build),
    twin('image pull', 'Fetch an image from a registry', async () => (await import('../pull.ts')).pull),
    twin('image push', 'Send an image to a registry', async () => (await import('../push.ts')).push),
    {
      name: 'inspect',
      summary: 'Show all that is known of images',
      load: async () => (await import('./inspect.ts')).inspect,
    },
    twin('image history', 'Show how an image was made', async () => (await import('../history.ts')).history),
    { ...twin('image rm', 'Remove images', async () => (await import('../rmi.ts')).rmi), aliases: ['remove'] },
    twin('image tag', 'Give an image a further name', async () => (await import('../tag.ts')).tag),
    {
      name: 'prune',
      summary: 'Remove all images without a name that no container is made of',
      load: async () => (await import('./prune.ts')).prune,
    },
    twin('image load', 'Load images from an archive', async () => (await import('../load.ts')).load),
    twin('image save', 'Write images to an archive', async () => (await import('../save.ts')).save),
    twin(
      'image import',
      'Make an image of an archive of a root file system',
      async () => (await import('../import.ts')).importImage,
    ),
  ],
};
