import { describe, expect, jest, test } from "@jest/globals";
import { Token } from "../../src/connection/token.js";

const authorization = (token: string) => ({ authorization: token });

describe("the token source", () => {
  test("a token given as a string is sent unchanged, and its refusal is final", () => {
    const token = new Token("secret");
    const header = token.header();
    expect(header).toEqual(authorization("secret"));
    expect(token.refused(authorization("secret"))).toBe(false);
    expect(token.header()).toBe(header);
  });

  test("a provider is asked once for all waiting calls, and not again while its token is valid", async () => {
    let give: (token: string) => void = () => {};
    const provider = jest.fn(() => new Promise<string>((resolve) => (give = resolve)));
    const token = new Token(provider);
    const waiting = [1, 2, 3].map(async () => token.header());
    give("one");
    expect(await Promise.all(waiting)).toEqual([authorization("one"), authorization("one"), authorization("one")]);
    expect(token.header()).toEqual(authorization("one")); // synchronously, without a promise
    expect(provider).toHaveBeenCalledTimes(1);
  });

  test("the error of a failed provider has the provider's reason, without the token that it gave before", async () => {
    let hasToken = true;
    const token = new Token(() => {
      if (!hasToken) throw new Error("cannot renew s3cr3t: the vault is sealed");
      hasToken = false;
      return "s3cr3t";
    });
    token.refused(await token.header());
    const failed = async () => token.header();
    await expect(failed()).rejects.toThrow("authToken: the token provider failed: cannot renew …: the vault is sealed");
  });

  test("an expired token is fetched again", async () => {
    const now = jest.spyOn(Date, "now").mockReturnValue(1_000_000);
    const given = [
      { token: "old", expiresAt: new Date(Date.now() + 30) },
      { token: "new", expiresAt: new Date(Date.now() + 60_000) },
    ];
    const provider = jest.fn(() => given.shift() ?? "none");
    const token = new Token(provider);
    try {
      expect(await token.header()).toEqual(authorization("old"));
      now.mockReturnValue(1_000_031);
      expect(await token.header()).toEqual(authorization("new"));
      expect(await token.header()).toEqual(authorization("new"));
    } finally {
      now.mockRestore();
    }
    expect(provider).toHaveBeenCalledTimes(2);
  });

  test.each([
    ["a second ago", 1_000],
    ["an hour ago", 3_600_000],
    ["now", 0],
  ])("a token that had expired %s when it was fetched is used until the server refuses it", async (_when, agoMs) => {
    const provider = jest.fn(() => ({ token: "t", expiresAt: new Date(Date.now() - agoMs) }));
    const token = new Token(provider);
    const header = await token.header();
    for (let call = 0; call < 5; call++) expect(token.header()).toBe(header);
    expect(provider).toHaveBeenCalledTimes(1);
    expect(token.refused(header)).toBe(true);
    await token.header();
    expect(provider).toHaveBeenCalledTimes(2);
  });

  test("a refused token is fetched again once, and a second refusal is final until the next call", async () => {
    let count = 0;
    const token = new Token(() => `t${++count}`);
    const first = await token.header();
    expect(token.refused(first)).toBe(true);
    const second = await token.header();
    expect(second).toEqual(authorization("t2"));
    expect(token.refused(second)).toBe(false);
    // The next call asks the provider again, but as a last attempt, too.
    const third = await token.header();
    expect(third).toEqual(authorization("t3"));
    expect(token.refused(third)).toBe(false);
    expect(count).toBe(3);
  });

  test("many calls refused with one token share one refresh, and fail together", async () => {
    let count = 0;
    const token = new Token(async () => `t${++count}`);
    const first = await token.header();
    expect([token.refused(first), token.refused(first), token.refused(first)]).toEqual([true, true, true]);
    const again = await Promise.all([1, 2, 3].map(async () => token.header()));
    expect(count).toBe(2);
    expect(again.map((header) => token.refused(header))).toEqual([false, false, false]);
  });

  test("a token that is refused after it was accepted is fetched again", async () => {
    let count = 0;
    const token = new Token(() => `t${++count}`);
    token.refused(await token.header());
    const second = await token.header();
    token.accepted(second);
    expect(token.refused(second)).toBe(true);
    const third = await token.header();
    token.accepted(second); // an answer to the old token does not concern the new one
    expect(token.refused(third)).toBe(false);
  });

  test("a provider that fails or returns no token causes a readable error without the token", async () => {
    const failing = new Token(() => Promise.reject(new Error("vault is sealed")));
    await expect(failing.header()).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
      retryable: true,
      cause: expect.objectContaining({ message: "vault is sealed" }),
    });
    await expect(failing.header()).rejects.toMatchObject({ code: "UNAUTHENTICATED" }); // requested again
    for (const given of ["", "zwei\nZeilen", "schlüssel", undefined, { token: "" }] as string[]) {
      await expect(new Token(() => given).header()).rejects.toMatchObject({
        code: "UNAUTHENTICATED",
        retryable: false,
        message: expect.not.stringContaining("schlüssel"),
      });
    }
  });
});
