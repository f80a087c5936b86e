//! Tests of the framing rules: what is accepted, what is refused, and that cutting the stream anywhere changes nothing.

use super::*;

const LIMITS: FramingLimits = FramingLimits { head_bytes_max: 1024, headers_max: 8, body_bytes_max: 1000 };

/// Feeds `wire` in pieces of `step` bytes, opening every gate; returns accepted bytes and the refusal.
fn run(wire: &[u8], step: usize) -> (usize, Option<Violation>) {
    let mut framing = Framing::new(LIMITS);
    let (mut accepted, mut arrived) = (0, 0);
    while arrived < wire.len() {
        arrived = (arrived + step).min(wire.len());
        loop {
            match framing.scan(&wire[accepted..arrived]) {
                (_, Next::Refuse(violation)) => return (accepted, Some(violation)),
                (_, Next::NeedMore) => break,
                (taken, Next::Again | Next::Gate) => accepted += taken,
            }
        }
    }
    (accepted, None)
}

#[test]
fn well_formed_streams_pass_whole_however_they_are_cut() {
    let wires: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\nx: \xc3\xa9 y \r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.0\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost:a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\ndigest: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    ];
    for wire in wires {
        for step in [1, 2, 3, 7, 1000] {
            assert_eq!(run(wire, step), (wire.len(), None), "{}", String::from_utf8_lossy(wire));
        }
    }
}

#[test]
fn every_ambiguity_is_refused_however_it_is_cut() {
    let heads = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length:\r\n",
        "Content-Length: 5\t\r\n",
        "Content-Length : 5\r\n",
        " Content-Length: 5\r\n",
        "Content-Length: 1000000000000000000000\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding:\tchunked\r\n",
        "Transfer-Encoding: chunked\t\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "X: a\r\n\tb\r\n",
        "X: a\n",
        "X: a\nTransfer-Encoding: chunked\r\n",
        "X: a\rTransfer-Encoding: chunked\r\n",
        "X: a\0b\r\n",
        "X\0: a\r\n",
        ": a\r\n",
        "novalue\r\n",
        "Host: b\r\n",
        "Upgrade: websocket\r\nContent-Length: 4\r\n",
    ];
    for head in heads {
        let wire = format!("POST / HTTP/1.1\r\nHost: a\r\n{head}\r\n");
        for step in [1, 5, 1000] {
            let (accepted, violation) = run(wire.as_bytes(), step);
            assert!(violation.is_some() && accepted == 0, "{head:?} passed in steps of {step}");
        }
    }
}

#[test]
fn request_lines_have_one_form() {
    let lines = [
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET / HTTP/2.0",
        "GET /",
        "get / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        " GET / HTTP/1.1",
        "GET /a b HTTP/1.1",
        "",
        "PRI * HTTP/2.0",
        "CONNECT a:1 HTTP/1.1",
        "GET / HTTP/1.10",
        "GET /\u{e9} HTTP/1.1",
        "G(T / HTTP/1.1",
    ];
    for line in lines {
        let wire = format!("{line}\r\nHost: a\r\n\r\n");
        assert!(run(wire.as_bytes(), 1000).1.is_some(), "{line:?} passed");
    }
    assert!(run(b"GET / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 1000).1.is_some());
    assert!(run(b"GET / HTTP/1.1\r\n\r\n", 1000).1.is_some(), "a host is required");
    assert!(run(b"GET / HTTP/1.1\nHost: a\n\n", 1).1.is_some(), "bare LF");
}

#[test]
fn chunks_have_one_form() {
    let bodies = [
        "5;x=y\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n",
        "+5\r\nhello\r\n",
        "0x5\r\nhello\r\n",
        "-1\r\n",
        "\r\n",
        "g\r\n",
        "5\r\nhelloX\r\n",
        "5\r\nhello\n0\r\n",
        "5\r\nhello0\r\n\r\n",
        "fffffffffffff\r\n",
        "5;\nx\r\nhello\r\n",
        "0\r\nx y: z\r\n\r\n",
        "0\r\n a\r\n\r\n",
        "0\r\na: b\n\r\n",
        "3e9\r\n",
    ];
    for body in bodies {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let wire = format!("{head}{body}");
        for step in [1, 4, 1000] {
            assert!(run(wire.as_bytes(), step).1.is_some(), "{body:?} passed in steps of {step}");
        }
        let mut framing = Framing::new(LIMITS);
        assert_eq!(framing.scan(wire.as_bytes()), (head.len(), Next::Gate));
        assert!(framing.foresee(body.as_bytes()).is_some(), "{body:?} not foreseen");
    }
}

#[test]
fn limits_are_limits() {
    let fields = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "x: y\r\n".repeat(count));
    assert_eq!(run(fields(7).as_bytes(), 1000).1, None);
    assert_eq!(run(fields(8).as_bytes(), 1000).1, Some(Violation::HeadTooLarge));
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nx: {}", "y".repeat(2000));
    assert_eq!(run(long.as_bytes(), 10).1, Some(Violation::HeadTooLarge));
    let body = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n";
    assert_eq!(run(body.as_bytes(), 1000).1, Some(Violation::BodyTooLarge));
}
