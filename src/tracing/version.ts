/** The instrumentation scope of all spans and metrics. */
export const SCOPE = "kubemq-es";

/** The version in package.json, checked by a test: a bundled application has no package.json. */
export const VERSION = "0.1.0";

/** The semantic conventions that the attributes follow. */
export const SCHEMA_URL = "https://opentelemetry.io/schemas/1.45.0";
