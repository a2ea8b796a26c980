// The parser of event streams.
// protocol/js/: the HTML Standard, 9.2.6.
import { describe, expect, it } from 'vitest';
import { EventStream } from '../src/event_stream.js';

function parse(...pieces: string[]): string[] {
  const stream = new EventStream();
  return pieces.flatMap((piece) => stream.push(piece));
}

describe('EventStream', () => {
  it('gives the data of each event once its blank line has come', () => {
    expect(parse('data:a\n\ndata: b\n\n')).toEqual(['a', 'b']);
    expect(parse('data:a\n')).toEqual([]);
    expect(parse('data:a\n', '\n')).toEqual(['a']);
  });

  it('joins data lines by line feeds and takes one space away', () => {
    expect(parse('data:[\ndata:  1\ndata\ndata:]\n\n')).toEqual(['[\n 1\n\n]']);
  });

  it('takes CR, LF and CR LF for line ends, mixed too', () => {
    expect(parse('data:a\r\rdata:b\r\n\r\ndata:c\n\rdata:d\r\n\n')).toEqual(['a', 'b', 'c', 'd']);
  });

  it('takes a CR LF that is cut apart for one line end', () => {
    expect(parse('data:a\r', '\ndata:b\r', '\n\r', '\n')).toEqual(['a\nb']);
    expect(parse('data:a\r', '', '\n\n')).toEqual(['a']);
    expect(parse('data:a\r', '\r')).toEqual(['a']);
  });

  it('passes over comments, names, ids and what it does not know', () => {
    expect(parse(':hello\nevent:x\nid:7\ndata:a\nother: thing\n:\n\n')).toEqual(['a']);
  });

  it('gives no event for a block without data, but one for empty data', () => {
    expect(parse('event:x\n\n\n:c\n\ndata\n\ndata:\n\n')).toEqual(['', '']);
  });

  it('drops one byte order mark, at the very start', () => {
    expect(parse('data:\ufeffa\n\n')).toEqual(['\ufeffa']);
  });

  it('keeps the last time to come back that is digits alone', () => {
    const stream = new EventStream();
    expect(stream.retry).toBeUndefined();
    stream.push('retry:1000\n\nretry: 250\nretry:1x\nretry:\n');
    expect(stream.retry).toBe(250);
  });

  it('gives the same wherever the text is cut', () => {
    const text = 'retry:5\r\n:c\rdata: {"a":\r\ndata:"ü€😀"}\r\n\r\n\rdata\n\ndata:x\r\r';
    const whole = parse(text);
    expect(whole).toEqual(['{"a":\n"ü€😀"}', '', 'x']);
    for (let i = 0; i <= text.length; ++i) {
      for (let j = i; j <= text.length; ++j) {
        expect(parse(text.slice(0, i), text.slice(i, j), text.slice(j))).toEqual(whole);
      }
    }
  });

  it('refuses an event that is larger than any can be, in one line or many', () => {
    const ten = 'x'.repeat(10);
    const one = new EventStream(105);
    one.push('data:');
    for (let i = 0; i < 10; ++i) one.push(ten);
    expect(() => one.push('x')).toThrow(RangeError);
    const many = new EventStream(105);
    for (let i = 0; i < 7; ++i) many.push(`data:${ten}\n`);
    expect(() => many.push(`data:${ten}\n`)).toThrow(RangeError);
  });

  it('takes any number of comments and of events that are small enough', () => {
    const stream = new EventStream(20);
    for (let i = 0; i < 100; ++i) expect(stream.push(`:${'x'.repeat(19)}\n`)).toEqual([]);
    for (let i = 0; i < 100; ++i) {
      expect(stream.push(`data:${'x'.repeat(15)}\n\n`)).toHaveLength(1);
    }
  });

  it('takes a state of 64 MiB in base64', () => {
    const quarter = 'A'.repeat((64 * 1024 * 1024) / 3);
    const stream = new EventStream();
    stream.push('data:');
    for (let i = 0; i < 4; ++i) stream.push(quarter);
    expect(stream.push('\n\n')[0]).toHaveLength(4 * quarter.length);
  }, 30_000);
});
