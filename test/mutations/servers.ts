import type { Chapter } from "./promise.js";

const serversTest = "test/connection/servers.test.ts";
const newestTest = "test/connection/newest.test.ts";

const resendTest = "test/reliability/resend.test.ts";

export const resending: Chapter = {
  title: "Sending again",
  promises: [
    {
      promise: "With `resend`, messages without an answer are sent again after a lost connection, with the same id.",
      id: "resend-after-loss",
      mutation: "never",
      test: resendTest,
      name: "is sent again with the same id by ",
    },
    {
      promise: "What the server refuses is not sent again, and neither is what it does not answer in time.",
      id: "resend-after-loss-only",
      mutation: "always",
      test: resendTest,
      name: "a message that a server refuses, or does not answer in time on a working connection, is sent once",
    },
    {
      promise: "The client's `resend` applies to every call and publisher that does not decide for itself.",
      id: "resend-of-client",
      mutation: "never",
      test: resendTest,
      name: "with resend waits for a server that comes back",
    },
    {
      promise: "Messages that are sent again keep their order, before all newer ones.",
      id: "resend-in-order",
      mutation: "delay",
      test: resendTest,
      name: "with resend keeps the order of the first copies",
    },
    {
      promise: "A request that is sent again waits for its responder only until the caller's timeout.",
      id: "resend-shortens-wait",
      mutation: "drop",
      test: resendTest,
      name: "a request that is sent again waits for the rest of its timeout",
    },
  ],
};

export const servers: Chapter = {
  title: "Several servers, and the newest ones",
  promises: [
    {
      promise: "A call or a stream that cannot reach a server of the list uses the next one.",
      id: "servers-in-turn",
      mutation: "always",
      test: serversTest,
      name: "calls use the first server, and each next one when a server is gone",
    },
    {
      promise: "Every stream and call leaves a server whose connection is dead.",
      id: "lost-server-left",
      mutation: "drop",
      test: serversTest,
      name: "every stream and call moves when a server sends nothing more",
    },
    {
      promise: "`connectTimeoutMs` bounds the time until a server that accepts connections sends its first frame.",
      id: "silent-connection-ended",
      mutation: "drop",
      test: "test/connection/connect.test.ts",
      name: "connectTimeoutMs bounds the time until a server that accepts connections sends its first frame",
    },
    {
      promise: "A call that a server refuses because it starts or stops is made on the next server.",
      id: "not-serving-next",
      mutation: "never",
      test: serversTest,
      name: "a call and a stream that a server refuses because it does not serve go to the next server",
    },
    {
      promise: "A refused token, or any other answer of a server that works, does not move the client.",
      id: "answer-keeps-server",
      mutation: "always",
      test: serversTest,
      name: "a refused token and an answer that refuses a call do not move the client",
    },
    {
      promise:
        "A refusal that all servers of the list have in common, such as an untrusted certificate, keeps its code.",
      id: "common-refusal-kept",
      mutation: "never",
      test: serversTest,
      name: "a server whose certificate is not trusted is passed over, and if none is trusted the call is refused",
    },
    {
      promise: "A store subscription that moves to a server with the same history continues without repeats.",
      id: "store-history-compared",
      mutation: "drop",
      test: serversTest,
      name: "a store subscription continues without repeats where the next server has the same history",
    },
    {
      promise: "A store subscription that moves to a server with another history reads what is newer there.",
      id: "store-other-history",
      mutation: "drop",
      test: serversTest,
      name: "a store subscription reads each server's own history from the move on, and continues it on return",
    },
    {
      promise: "A replay never mixes the histories of two servers: it ends with an error.",
      id: "replay-one-history",
      mutation: "drop",
      test: serversTest,
      name: "a replay whose client moves to another history ends with an error",
    },
    {
      promise: "`queues.info` comes from the list of channels where a server has no QueuesInfo.",
      id: "info-from-channels",
      mutation: "drop",
      test: newestTest,
      name: "queues.info comes from the channel list, and waits for the cluster's snapshot",
    },
    {
      promise: "A server without leases is `UNSUPPORTED`, and the error says what to use.",
      id: "no-leases-told",
      mutation: { replace: ["UNSUPPORTED", "INTERNAL"] },
      test: newestTest,
      name: "a lease rejects with UNSUPPORTED, and the error names an alternative",
    },
  ],
};
