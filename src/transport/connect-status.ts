/** Connect's functions for responses other than the usual one, in one module; see response.ts. */
export { codeFromHttpStatus, findTrailerError, parseContentType } from "@connectrpc/connect/protocol-grpc";
