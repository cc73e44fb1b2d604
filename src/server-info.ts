/** Who answered a ping. */
export interface ServerInfo {
  /** Host name of the server. */
  readonly host: string;
  /** Its version, such as `v2.4.0`. */
  readonly version: string;
  /** When it started. */
  readonly startedAt: Date;
  /** How long it has been up, in seconds. */
  readonly uptimeSeconds: number;
}
