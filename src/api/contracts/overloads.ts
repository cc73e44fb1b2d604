/**
 * Calls with and without contracts. TypeScript 7 explains why the last overload does not fit, and
 * no other. A call with a value can only be one with a contract, so these overloads are the last of
 * the methods `Sends`; of other methods, the overload without a contract is the last.
 */
export type Overloads<WithContract, Without, Sends extends keyof WithContract> = Omit<WithContract, Sends> &
  Without &
  Pick<WithContract, Sends>;
