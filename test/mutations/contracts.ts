import type { Chapter } from "./promise.js";

const callsTest = "test/typed-channels/calls.test.ts";
const namesTest = "test/typed-channels/names.test.ts";
const jsonTest = "test/payload/json.test.ts";
const cloudEventTest = "test/payload/cloud-event.test.ts";
const propertiesTest = "test/payload/properties.test.ts";
const wrappingTest = "test/payload/wrapping.test.ts";

const wrongContract = "a call with the wrong contract is refused before the client connects";

export const contracts: Chapter = {
  title: "Contracts",
  promises: [
    {
      promise: "Nothing is sent to a contract with wildcards.",
      id: "contract-wildcards-not-sent",
      mutation: "never",
      test: callsTest,
      name: wrongContract,
    },
    {
      promise: "A contract of another kind of channel is refused before a byte is sent.",
      id: "contract-kind-checked",
      mutation: "never",
      test: callsTest,
      name: wrongContract,
    },
    {
      promise: "A contract with parameters is refused by calls until `for()` has their values.",
      id: "contract-template-refused",
      mutation: "never",
      test: callsTest,
      name: wrongContract,
    },
    {
      promise:
        "Options of the request and of the call are one object in a call with a contract, and each takes effect.",
      id: "contract-options-split",
      mutation: "never",
      test: callsTest,
      name: "process of a queue contract takes the options of the request and of the handler together",
    },
    {
      promise: "A handler of a query contract answers with the codec of its response.",
      id: "contract-response-codec",
      mutation: "drop",
      test: callsTest,
      name: "a query contract is sent, and answered by a handler or in a loop with the response's codec",
    },
    {
      promise: "A contract that another copy of the package made can be used.",
      id: "contract-of-other-copy",
      mutation: { replace: ["Symbol.for", "Symbol"] },
      test: callsTest,
      name: "a contract of another copy of the package is a contract",
    },
    {
      promise: "A contract without a codec is refused.",
      id: "contract-needs-codec",
      mutation: "always",
      test: namesTest,
      name: "a contract is refused without a codec, and with a name that no server accepts",
    },
    {
      promise: "A misspelt detail of a message is refused.",
      id: "contract-details-known",
      mutation: "drop",
      test: namesTest,
      name: "a contract makes messages with every detail that the pattern allows",
    },
    {
      promise: "The policy of a queue contract is checked when the contract is defined.",
      id: "contract-policy-checked",
      mutation: "drop",
      test: namesTest,
      name: "is refused when it is defined with",
    },
    {
      promise: "The policy of a message replaces the settings of the same names in its contract, and no others.",
      id: "contract-policy-merged",
      mutation: { replace: ["...this.policy, ...details.policy", "...details.policy"] },
      test: namesTest,
      name: "a contract makes messages with every detail that the pattern allows",
    },
    {
      promise: "The value of a parameter cannot change the parts of a channel name.",
      id: "parameter-keeps-structure",
      mutation: "never",
      test: namesTest,
      name: "a value with a dot",
    },
    {
      promise: "The value of a parameter cannot be a wildcard.",
      id: "parameter-keeps-structure",
      mutation: { replace: [".*>", "."] },
      test: namesTest,
      name: "a value with a final wildcard",
    },
    {
      promise: "Values that a receiver would read as other values are refused.",
      id: "parameters-distinct",
      mutation: "drop",
      test: namesTest,
      name: "a channel template refuses values that a receiver could not distinguish",
    },
    {
      promise: "A contract of all channels exists only where each parameter is a whole part of the name.",
      id: "wildcard-replaces-whole-part",
      mutation: "never",
      test: namesTest,
      name: "wildcards replace parameters that are whole parts of a name",
    },
  ],
};

export const payloads: Chapter = {
  title: "Payloads",
  promises: [
    {
      promise: "A value that its schema refuses is not sent.",
      id: "schema-checks-sent",
      mutation: "drop",
      test: jsonTest,
      name: "a schema refuses an invalid value before it is sent, with its issues and their paths",
    },
    {
      promise: "A received value that its schema refuses throws `DECODE_FAILED` with the issues.",
      id: "schema-checks-received",
      mutation: { argument: 2 },
      test: jsonTest,
      name: "a schema refuses an invalid value before it is sent, with its issues and their paths",
    },
    {
      promise: "A schema converts a value once, where it is received.",
      id: "schema-converts-once",
      mutation: { replace: ["(input", '(validate("ENCODE_FAILED", first, input)'] },
      test: jsonTest,
      name: "the written value is the given one, so that a schema converts it once",
    },
    {
      promise: "An asynchronous schema is refused instead of being taken for a valid one.",
      id: "schema-async-refused",
      mutation: "never",
      test: jsonTest,
      name: "an asynchronous schema is refused, and its rejection is handled",
    },
    {
      promise: "The rejection of an asynchronous schema does not end the process.",
      id: "schema-rejection-handled",
      mutation: "drop",
      test: jsonTest,
      name: "an asynchronous schema is refused, and its rejection is handled",
    },
    {
      promise: "JSON that is not valid UTF-8 throws `DECODE_FAILED` instead of being read with replacement characters.",
      id: "json-is-utf8",
      mutation: { replace: ["true", "false"] },
      test: jsonTest,
      name: "bytes that are not UTF-8 throw DECODE_FAILED",
    },
    {
      promise: "A compressed body cannot fill the memory: decompression ends at `maxBytes`.",
      id: "gzip-limit",
      mutation: "drop",
      test: wrappingTest,
      name: "gzip stops at its limit, so that a small body cannot fill the memory",
    },
    {
      promise: 'A body that is not compressed is refused without `plain: "accept"`.',
      id: "gzip-plain-refused",
      mutation: "always",
      test: wrappingTest,
      name: "gzip refuses a body that is not compressed, unless an option accepts it",
    },
    {
      promise: "Compression keeps the tags and metadata of the other codec.",
      id: "gzip-properties-kept",
      mutation: { replace: ["writing(codec)", "{}"] },
      test: wrappingTest,
      name: "gzip keeps the properties of the other codec, and passes the properties of the message to it",
    },
    {
      promise: "A message whose content type has no decoder throws `DECODE_FAILED`.",
      id: "content-type-known",
      mutation: "always",
      test: wrappingTest,
      name: "byContentType throws DECODE_FAILED for a content type without a decoder, also for names of Object.prototype",
    },
    {
      promise: "An event without a required attribute of CloudEvents is not sent.",
      id: "cloud-event-complete",
      mutation: "never",
      test: cloudEventTest,
      name: "without anything",
    },
    {
      promise: "A tag cannot replace the data of a CloudEvent.",
      id: "cloud-event-data-is-body",
      mutation: "drop",
      test: cloudEventTest,
      name: "cloudEvent ignores tags that are not attributes, so that none replaces the data or a prototype",
    },
    {
      promise: "A CloudEvent without data is a message that servers accept.",
      id: "cloud-event-never-empty",
      mutation: "never",
      test: cloudEventTest,
      name: "cloudEvent sends an event without data with metadata, because servers refuse an empty message",
    },
    {
      promise: "A protobuf message of another type is not sent.",
      id: "protobuf-type-checked",
      mutation: "never",
      test: "test/payload/protobuf.test.ts",
      name: "protobuf refuses a message of another type",
    },
    {
      promise: "Tags of the codec replace tags of the same name in the message.",
      id: "codec-tags-win",
      mutation: { replace: ["...message.tags, ...written.tags", "...written.tags, ...message.tags"] },
      test: propertiesTest,
      name: "properties of a codec are sent with an event, and replace a tag of the same name",
    },
    {
      promise: "Metadata that differs from what the codec writes is refused.",
      id: "codec-metadata-conflict",
      mutation: "never",
      test: propertiesTest,
      name: "metadata of a message that differs from the codec's is refused before a byte is sent",
    },
    {
      promise: "Tags and metadata of a codec are checked like those of a message.",
      id: "codec-properties-checked",
      mutation: "drop",
      test: propertiesTest,
      name: "properties of a codec are checked in the same way as those of the message",
    },
  ],
};
