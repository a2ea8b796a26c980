// Whether a run of the conformance suite has passed whole.
// tests/conformance/: for suite.mjs.

/** The tests of version 0.3.6 without those of subscriptions, which are not offered. */
export const TESTS = 332;
const NOT_OFFERED = 'Reserved subscription APIs';

/** Judges vitest's report. `passed` of TESTS; `faults`: why that is not all there is to say. */
export function judge(report) {
  const all = report.testResults.flatMap((file) => file.assertionResults);
  const offered = all.filter((test) => !test.ancestorTitles.includes(NOT_OFFERED));
  const passed = offered.filter((test) => test.status === 'passed').length;
  const faults = offered
    .filter((test) => test.status !== 'passed')
    .map((test) => `${test.status}: ${test.fullName}`);
  if (offered.length !== TESTS) faults.push(`${offered.length} tests, not ${TESTS}`);
  // Such as an error nobody caught, which belongs to no test.
  if (!report.success && faults.length === 0) faults.push('the run failed as a whole');
  return { passed, faults };
}
