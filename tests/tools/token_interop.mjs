// Tokens between `tidemark token` and Node's crypto, both ways, in all four algorithms.
// tests/tools/: run by ctest with the built program; what it prints is for whoever looks for a fault.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [program] = process.argv.slice(2);
const dir = mkdtempSync(join(tmpdir(), 'tidemark-'));
const at = (name) => join(dir, name);
const tidemark = (...words) => execFileSync(program, ['token', ...words],
  { encoding: 'utf8', timeout: 30_000 });
const base64url = (text) => Buffer.from(text).toString('base64url');
const json = (part) => JSON.parse(Buffer.from(part, 'base64url'));

/** What each algorithm is in Node's words. */
const algorithms = {
  HS256: { kind: null },
  RS256: { kind: ['rsa', { modulusLength: 2048 }], digest: 'sha256' },
  ES256: { kind: ['ec', { namedCurve: 'P-256' }], digest: 'sha256', dsaEncoding: 'ieee-p1363' },
  EdDSA: { kind: ['ed25519'], digest: null },
};

function nodeSigns(alg, text, key) {
  if (alg === 'HS256') return createHmac('sha256', key).update(text).digest();
  const { digest, dsaEncoding } = algorithms[alg];
  return sign(digest, Buffer.from(text), { key, dsaEncoding });
}

function nodeVerifies(alg, text, signature, key) {
  if (alg === 'HS256') return nodeSigns(alg, text, key).equals(signature);
  const { digest, dsaEncoding } = algorithms[alg];
  return verify(digest, Buffer.from(text), { key, dsaEncoding }, signature);
}

/** Node signs, we verify: with the key as PEM and as a JWK. */
function theirsIsTaken(alg) {
  const secret = 'a secret of at least thirty-two bytes';
  const pair = alg === 'HS256' ? null : generateKeyPairSync(...algorithms[alg].kind);
  const text = `${base64url(JSON.stringify({ alg, kid: 'k' }))}.${base64url(
    JSON.stringify({ sub: 'ada', exp: 4102444800.5, tidemark: { subscribe: ['**'] } }))}`;
  const signature = nodeSigns(alg, text, pair?.privateKey ?? secret);
  writeFileSync(at('token'), `${text}.${signature.toString('base64url')}`);
  const jwk = pair ? pair.publicKey.export({ format: 'jwk' }) : { kty: 'oct', k: base64url(secret) };
  const files = {
    plain: pair ? pair.publicKey.export({ type: 'spki', format: 'pem' }) : secret,
    jwk: JSON.stringify(jwk),
    set: JSON.stringify({ keys: [{ ...jwk, kid: 'k', alg, use: 'sig' }] }),
  };
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(at('key'), content);
    const said = JSON.parse(tidemark('explain', at('token'), '--key', at('key'), '--json'));
    assert.equal(said.signature, true, `${alg} ${name}`);
    assert.deepEqual(said.faults, [], `${alg} ${name}`);
  }
}

/** We sign, Node verifies: with a key of ours, and with one that Node made. */
function oursIsTaken(alg) {
  const private_ = at(`ours-${alg}`);
  tidemark('key', '--algorithm', alg, '--file', private_, '--kid', 'k');
  const keys = [[private_, alg === 'HS256' ? readFileSync(private_, 'utf8').trimEnd()
    : createPublicKey(readFileSync(`${private_}.pub`))]];
  if (alg !== 'HS256') {
    const pair = generateKeyPairSync(...algorithms[alg].kind);
    writeFileSync(at(`pem-${alg}`), pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(at(`jwk-${alg}`), JSON.stringify(pair.privateKey.export({ format: 'jwk' })));
    keys.push([at(`pem-${alg}`), pair.publicKey], [at(`jwk-${alg}`), pair.publicKey]);
  }
  for (const [file, key] of keys) {
    const token = tidemark('make', '--key', file, '--algorithm', alg, '--sub', 'ada',
      '--subscribe', 'rooms/*').trimEnd();
    const [header, claims, signature] = token.split('.');
    assert.equal(json(header).alg, alg);
    assert.deepEqual(json(claims).tidemark, { subscribe: ['rooms/*'] });
    assert.ok(nodeVerifies(alg, `${header}.${claims}`, Buffer.from(signature, 'base64url'), key),
      `${alg} ${file}`);
  }
}

try {
  for (const alg of Object.keys(algorithms)) {
    theirsIsTaken(alg);
    oursIsTaken(alg);
    console.log(`${alg}: both ways`);
  }
} finally {
  rmSync(dir, { recursive: true });
}
