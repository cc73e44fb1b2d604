#!/usr/bin/env bash
# In a transport for @nestjs/microservices 12.1.1, `await handler(message)` succeeds although the handler of the user has thrown.
#
# A custom transport gets a function for each @EventPattern and calls it with a message. One expects the promise to reject when the handler
# throws, so that the message is not acknowledged. It resolves with an Observable, and the error is in there: a transport that
# awaits and then acknowledges loses each message that failed. With two handlers for one event the Observable also holds the
# work: neither has run when the promise resolves, and without a subscriber neither ever runs, where a single handler has run.
# A transport has to subscribe to the result, for example with lastValueFrom(this.transformToObservable(result)).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @nestjs/microservices@12.1.1 @nestjs/core@12.5.1 @nestjs/common@12.5.1 rxjs@7.8.2 reflect-metadata@0.2.2 >/dev/null 2>&1
cat >run.mjs <<'JS'
import "reflect-metadata";
import { Controller, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { EventPattern, Server } from "@nestjs/microservices";
import { isObservable, lastValueFrom } from "rxjs";

let ran = [];
class Orders {
  async paid() {
    ran.push("paid");
    throw new Error("the disk is full");
  }
  async mail() {
    ran.push("mail");
  }
  async stock() {
    ran.push("stock");
  }
}
for (const [name, event] of [["paid", "one"], ["mail", "two"], ["stock", "two"]]) {
  EventPattern(event)(Orders.prototype, name, Object.getOwnPropertyDescriptor(Orders.prototype, name));
}
Controller()(Orders);
class App {}
Module({ controllers: [Orders] })(App);

class Transport extends Server {
  listen(done) {
    done();
  }
  close() {}
}
const transport = new Transport();
const app = await NestFactory.createMicroservice(App, { strategy: transport, logger: false });
await app.listen();

const deliver = async (event) => {
  ran = [];
  const result = await transport.getHandlerByPattern(event)({ id: 7 });
  const before = ran.join(" and ") || "nothing";
  const outcome = isObservable(result) ? await lastValueFrom(result).then(() => "done", () => "failed") : "no Observable";
  console.log(`${event}: resolves, ${before} has run; subscribed: ${ran.join(" and ")} ${outcome}`);
  return [before, ran.join(" and "), outcome].join(", ");
};
const one = await deliver("one");
const two = await deliver("two");
await app.close();
process.exit(one === "paid, paid, failed" && two === "nothing, mail and stock, done" ? 0 : 1);
JS
timeout 60 node run.mjs || { echo "CHANGED: what a handler gives to its transport"; exit 1; }
echo "@nestjs/microservices 12.1.1: the promise of a handler that throws resolves"
