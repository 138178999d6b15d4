/** What was dropped, as files: those of a folder, and of the folders in it, one by one. */
export interface GivenFiles {
  readonly files: readonly File[];
  /** each folder that was dropped, and how many files it gave */
  readonly folders: readonly { readonly name: string; readonly count: number }[];
}

/** what file managers leave in folders */
const LITTER: ReadonlySet<string> = new Set(['.DS_Store', 'Thumbs.db', 'desktop.ini']);
/** folders within folders that are looked into */
const DEEPEST = 16;

/**
 * To be called while the drop is told: afterwards the browser forgets what it was.
 * @param most files that are read, all folders together; one more tells that there are more
 * @throws what the browser says of a folder that cannot be read
 */
export function droppedFiles(data: DataTransfer, most: number): Promise<GivenFiles> {
  const items = [...data.items].filter(({ kind }) => kind === 'file');
  const given = items.map((item) => ({ file: item.getAsFile(), entry: item.webkitGetAsEntry() }));
  return (async () => {
    const files: File[] = [];
    const folders: { name: string; count: number }[] = [];
    for (const { file, entry } of given) {
      if (entry?.isDirectory) {
        const before = files.length;
        await readFolder(entry as FileSystemDirectoryEntry, files, most + 1, DEEPEST);
        folders.push({ name: entry.name, count: files.length - before });
      } else if (file !== null) files.push(file);
    }
    return { files, folders };
  })();
}

/** An office program puts a picture of the text beside the text: that is no file. */
export function pastedFiles(data: DataTransfer): readonly File[] {
  const isText = data.types.includes('text/plain') && data.types.includes('text/html');
  return isText ? [] : [...data.files];
}

async function readFolder(folder: FileSystemDirectoryEntry, files: File[], most: number, depth: number): Promise<void> {
  const reader = folder.createReader();
  for (;;) {
    // it answers in parts, the last one empty
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return;
    for (const entry of part.sort((a, b) => a.name.localeCompare(b.name))) {
      if (files.length >= most) return;
      if (entry.isDirectory) {
        if (depth > 0) await readFolder(entry as FileSystemDirectoryEntry, files, most, depth - 1);
      } else if (!LITTER.has(entry.name)) files.push(await fileOf(entry as FileSystemFileEntry));
    }
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}
