// The judge of the suite's runs, and the one of readers, see what is wrong.
// tests/conformance/: a judge that has gone blind would pass everything.
import { expect, test } from 'vitest';

import { FLAWLESS, flaws, Journal } from '../support/journal.mjs';
import { judge, TESTS } from './judge.mjs';

const tests = (count, status = 'passed', group = 'Append') =>
  Array.from({ length: count }, (_, n) => ({
    status,
    ancestorTitles: ['', group],
    fullName: `${group} ${n}`,
  }));
const judged = (assertionResults, success = true) =>
  judge({ success, testResults: [{ assertionResults }] });

test('Judge passes a whole run, and needs no subscriptions', () => {
  const run = [...tests(TESTS), ...tests(6, 'skipped', 'Reserved subscription APIs')];
  expect(judged(run)).toEqual({ passed: TESTS, faults: [] });
});

test('Judge names what failed or was skipped', () => {
  expect(judged([...tests(TESTS - 1), ...tests(1, 'failed', 'HEAD')], false).faults).toEqual([
    'failed: HEAD 0',
  ]);
  expect(judged([...tests(TESTS - 1), ...tests(1, 'skipped', 'HEAD')]).faults).toEqual([
    'skipped: HEAD 0',
  ]);
});

test('Judge counts: a suite that lost tests, or found none, does not pass', () => {
  expect(judged(tests(TESTS - 1)).faults).toHaveLength(1);
  expect(judged(tests(TESTS + 1)).faults).toHaveLength(1);
  expect(judge({ success: true, testResults: [] }).faults).toHaveLength(1);
});

test('Judge takes no success from a run that failed as a whole', () => {
  expect(judged(tests(TESTS), false).faults).toHaveLength(1);
});

test('Flaws are what is missing, doubled, late or foreign', () => {
  expect(flaws([1, 2, 3], 3)).toEqual(FLAWLESS);
  expect(flaws([1, 3], 3).missing).toEqual([2]);
  expect(flaws([1, 2, 2, 3], 3).doubled).toEqual([2]);
  expect(flaws([1, 3, 2], 3).late).toEqual([2]);
  expect(flaws([1, 2, 3, 4, undefined], 3).foreign).toEqual([4, undefined]);
  expect(flaws([4, 5], 5, 4)).toEqual(FLAWLESS);
  expect(flaws([3, 4, 5], 5, 4).foreign).toEqual([3]);
});

test('Journal fails those who wait when its reader has given up', async () => {
  const journal = new Journal();
  const waiting = journal.reached(2);
  journal.add(1);
  journal.fail(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  await expect(journal.reached(1)).resolves.toBeUndefined();
});
