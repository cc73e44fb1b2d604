// Counts at the end of a run the promises that the tests expect not to hold, by the reasons in test/contract/exceptions.ts.

export default class ExceptionsReporter {
  onRunComplete(_contexts, { testResults }) {
    const titles = testResults.flatMap((file) => file.testResults.map(({ title }) => title));
    const reasons = titles.map((title) => /^does not hold: (.*?) \(/.exec(title)?.[1]).filter(Boolean);
    for (const reason of new Set(reasons)) {
      const count = reasons.filter((one) => one === reason).length;
      process.stderr.write(`Expected not to hold: ${count} promises. ${reason}\n`);
    }
  }
}
