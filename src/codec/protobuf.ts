/** The part of protobuf-es that the client uses, in one module; see reflection.ts. */
export { create, fromBinary, toBinary } from "@bufbuild/protobuf";
export { fromBinaryLenient } from "./lenient.js";
