/** The response to a request that was not carried out. */
export interface FailedResponse extends ResponseInfo {
  /** The responder failed the request. */
  readonly ok: false;
  /** The reason, in the responder's words. */
  readonly error: string;
}

/** The optional parts of a response. */
export interface Reply {
  /**
   * A free string. Requesters of queries receive it; servers strip it from responses to commands.
   */
  readonly metadata?: string | undefined;
  /** Key-value pairs for the application. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Opaque bytes for tracing, delivered to the requester unchanged. */
  readonly span?: Uint8Array | undefined;
}

/** The optional parts of a response that says that a request was not carried out. */
export type FailureReply = Omit<Reply, "metadata">;

/** The properties of a response, whatever its outcome. */
export interface ResponseInfo {
  /** When the responder answered, by its clock, or else when its response arrived. */
  readonly timestamp: Date;
  /** The responder's key-value pairs. */
  readonly tags: Readonly<Record<string, string>>;
  /** The responder's `clientId`. */
  readonly clientId: string;
  /** The responder's tracing bytes, if it sent any. */
  readonly span?: Uint8Array;
}
