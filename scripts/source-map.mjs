// Source maps without the sources that the package does not contain.
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The map `json` without the positions and the names of sources that are not `kept`. */
export function withSources(json, kept) {
  const map = JSON.parse(json);
  const sources = map.sources.filter(kept);
  const indexOf = new Map(sources.map((source, index) => [map.sources.indexOf(source), index]));
  // Source, line and column are relative to the segment before, across lines, in both maps.
  const read = [0, 0, 0];
  const written = [0, 0, 0];
  const mappings = map.mappings.split(";").map((line) => {
    let column = 0;
    let writtenColumn = 0;
    let inForeign = false;
    const segments = [];
    for (const segment of line === "" ? [] : line.split(",")) {
      const [step, ...place] = decoded(segment);
      column += step;
      for (const index of read.keys()) read[index] += place[index] ?? 0;
      const source = indexOf.get(read[0]);
      // One segment without a source ends the range of the segment before.
      if (source === undefined && inForeign) continue;
      inForeign = source === undefined;
      const now = inForeign ? [] : [source, read[1], read[2]];
      segments.push(encoded([column - writtenColumn, ...now.map((value, index) => value - written[index])]));
      written.splice(0, now.length, ...now);
      writtenColumn = column;
    }
    return segments.join(",");
  });
  return JSON.stringify({ ...map, sources, names: [], mappings: mappings.join(";") });
}

function decoded(segment) {
  const values = [];
  let value = 0;
  let shift = 0;
  for (const digit of segment) {
    const bits = DIGITS.indexOf(digit);
    value |= (bits & 31) << shift;
    shift += 5;
    if (bits & 32) continue;
    values.push(value & 1 ? -(value >> 1) : value >> 1);
    value = shift = 0;
  }
  return values;
}

function encoded(values) {
  return values
    .map((value) => {
      let rest = value < 0 ? (-value << 1) | 1 : value << 1;
      let digits = "";
      do {
        const more = rest > 31 ? 32 : 0;
        digits += DIGITS[(rest & 31) | more];
        rest >>>= 5;
      } while (rest > 0);
      return digits;
    })
    .join("");
}
