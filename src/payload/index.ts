/** The codecs of `kubemq-es`, without its client. */

export type {
  Codec,
  Decoder,
  Encoder,
  MessageProperties,
  StandardIssue,
  StandardResult,
  StandardSchemaV1,
} from "../api/codec.js";

export { KubeMQError, type ErrorCode, type ErrorDetails, type Issue } from "../api/errors.js";

export type { CloudEvent, OutgoingCloudEvent } from "../api/cloud-event.js";

export { cloudEvent } from "./cloud-event.js";

export { byContentType, type ContentTypeOptions, type Decoded } from "./content-type.js";

export { gzip, type GzipOptions } from "./gzip.js";

export { json, type JsonInput, type JsonOptions } from "./json.js";

export { tagged } from "./tagged.js";

export { bytes, text } from "./text.js";
