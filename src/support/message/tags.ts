/** Most messages have none: one object for them all, never changed, saves an eighth of a small send. */
const noTags: Record<string, string> = {};

/** Tags as they are sent: a copy, for the caller may change the object that it gave. */
export function tagsOf(tags: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return tags === undefined ? noTags : { ...tags };
}

/** About how many bytes tags take, not less. */
export function tagsSize(tags: Readonly<Record<string, string>>): number {
  if (tags === noTags) return 0;
  let size = 0;
  for (const key in tags) size += 3 * (key.length + (tags[key]?.length ?? 0)) + 16;
  return size;
}
