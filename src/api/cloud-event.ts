/**
 * A CloudEvent of version 1.0 (cloudevents.io), as it is received. It is also a `CloudEventV1` of
 * the package `cloudevents`. Every further property is an extension attribute; received ones are
 * strings.
 */
export interface CloudEvent<T = unknown> {
  /** Identifies the event, together with its source. */
  id: string;
  /** The context in which the event happened: a URI reference. */
  source: string;
  /** The kind of the event, such as `com.example.order.placed`. */
  type: string;
  /** The version of the specification: `1.0`. */
  specversion: string;
  /** The media type of the data. */
  datacontenttype?: string;
  /** The URI of the schema of the data. */
  dataschema?: string;
  /** What the event is about, within its source. */
  subject?: string;
  /** When the event happened, in the form of RFC 3339. Senders in Go write nanoseconds. */
  time?: string;
  /** The data; undefined for an event without data. */
  data?: T;
  [extension: string]: unknown;
}

/**
 * A CloudEvent to send. Events and literals of the package `cloudevents` are accepted.
 * `specversion` is `1.0` by default. Binary data may be in `data_base64`.
 */
export interface OutgoingCloudEvent<T = unknown> {
  /** Identifies the event, together with its source. Not empty. */
  id: string;
  /** The context in which the event happened: a URI reference. Not empty. */
  source: string;
  /** The kind of the event. Not empty. */
  type: string;
  /** The version of the specification. @default "1.0" */
  specversion?: string | undefined;
  /** The media type of the data. @default "application/json" for data that is not bytes */
  datacontenttype?: string | undefined;
  /** The URI of the schema of the data. */
  dataschema?: string | undefined;
  /** What the event is about, within its source. */
  subject?: string | undefined;
  /** When the event happened, in the form of RFC 3339. */
  time?: string | undefined;
  /** The data. */
  data?: T | undefined;
  /** Binary data in base64, instead of `data`. */
  data_base64?: string | undefined;
  [extension: string]: unknown;
}
