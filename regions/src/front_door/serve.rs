//! Drives hyper over one terminated TLS connection, watches its clocks, and ends it so that the last answer arrives.

use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::Request;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::{Sleep, sleep_until, timeout};
use tokio_rustls::server::TlsStream;

use super::connection::Client;
use super::metrics;
use super::pool::TLS_UNSENT_BYTES_MAX;
use super::service::{self, Peer};
use super::state::{ConnectionState, Expired};
use super::strict_io::StrictIo;
use super::upgrade;
use super::worker::{Core, Drain};

/// hyper's read and write buffers hold a whole head, and never less than hyper itself wants.
const H1_BUFFER_BYTES_MIN: usize = 8 * 1024;
const H2_SEND_BUFFER_BYTES_MAX: usize = 64 * 1024;
const H2_FRAME_BYTES_MAX: u32 = 16 * 1024;
const H2_PING_EVERY: Duration = Duration::from_secs(20);
const H2_PING_WAIT: Duration = Duration::from_secs(10);
/// After the last answer, what the client still sends is discarded, undecrypted, up to these bounds. Closing at once
/// would reset the connection and could destroy the answer on its way (RFC 9112, 9.6).
const LINGER_WAIT: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: usize = 4 * 1024 * 1024;
const LINGER_BUFFER_BYTES: usize = 16 * 1024;
/// The end of a draining HTTP/2 connection is polite for this long.
const FINISH_WAIT: Duration = Duration::from_secs(1);

type ClientIo = TokioIo<StrictIo<TlsStream<TcpStream>>>;

/// Serves HTTP/1.1 or HTTP/2, whichever the handshake agreed on.
pub(super) async fn serve(core: &Rc<Core>, mut stream: TlsStream<TcpStream>, client: Client) {
    stream.get_mut().1.set_buffer_limit(Some(TLS_UNSENT_BYTES_MAX));
    let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let state = ConnectionState::new(core.door.deadlines);
    let peer = Rc::new(Peer::new(core.clone(), client, state.clone()));
    if h2 {
        let io = StrictIo::http2(stream, state.clone(), core.door.framing);
        serve_h2(core, TokioIo::new(io), peer, &state).await;
    } else {
        let io = StrictIo::http1(stream, state.clone(), core.door.framing);
        serve_h1(core, TokioIo::new(io), peer, &state).await;
    }
}

async fn serve_h1(core: &Rc<Core>, io: ClientIo, peer: Rc<Peer>, state: &Rc<ConnectionState>) {
    let service = service_fn(move |request: Request<Incoming>| service::answer(peer.clone(), request));
    // Fields are counted before hyper sees them; told of a limit of its own, it fills room for so many with each head.
    let mut connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(core.door.framing.head_bytes_max.max(H1_BUFFER_BYTES_MIN))
        .serve_connection(io, service);
    let closing = {
        let mut watch = pin!(Watch::new(state, &core.drain));
        std::future::poll_fn(|cx| {
            if Pin::new(&mut connection).poll(cx).is_ready() {
                return Poll::Ready(Closing::Finished);
            }
            match watch.as_mut().poll(cx) {
                Poll::Ready(Some(Expired::Idle)) => {
                    Pin::new(&mut connection).graceful_shutdown();
                    match Pin::new(&mut connection).poll(cx) {
                        Poll::Ready(_) => Poll::Ready(Closing::Finished),
                        Poll::Pending => Poll::Ready(Closing::Cut),
                    }
                }
                Poll::Ready(Some(_)) => Poll::Ready(Closing::Cut),
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            }
        })
        .await
    };
    let mut io = connection.into_parts().io.into_inner();
    if state.has_refused_a_body() {
        state.data_arrived(unread_plaintext(io.get_mut()));
    }
    if closing == Closing::Cut {
        return;
    }
    if let Some(upgraded) = state.take_upgraded() {
        upgrade::run(core, io, upgraded).await;
    } else if state.linger() {
        linger(io.into_parts().0.get_ref().0).await;
    }
}

/// What TLS has decrypted and nobody has asked for.
fn unread_plaintext(stream: &mut TlsStream<TcpStream>) -> u64 {
    let unread = stream.get_mut().1.process_new_packets().map_or(0, |state| state.plaintext_bytes_to_read());
    u64::try_from(unread).unwrap_or(u64::MAX)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    Finished,
    Cut,
}

async fn serve_h2(core: &Rc<Core>, io: ClientIo, peer: Rc<Peer>, state: &Rc<ConnectionState>) {
    let limits = &core.door.limits;
    let service = service_fn(move |request: Request<Incoming>| service::answer(peer.clone(), request));
    let mut connection = pin!(
        http2::Builder::new(LocalExecutor)
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.h2_streams_max)
            .initial_stream_window_size(limits.h2_stream_window_bytes)
            .initial_connection_window_size(limits.h2_connection_window_bytes)
            .max_frame_size(H2_FRAME_BYTES_MAX)
            .max_header_list_size(u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(limits.h2_pending_resets_max)
            .max_local_error_reset_streams(limits.h2_error_resets_max)
            .max_send_buf_size(H2_SEND_BUFFER_BYTES_MAX)
            .keep_alive_interval(H2_PING_EVERY)
            .keep_alive_timeout(H2_PING_WAIT)
            .serve_connection(io, service)
    );
    let mut finishing = pin!(None::<Sleep>);
    let mut told = false;
    let mut watch = pin!(Watch::new(state, &core.drain));
    std::future::poll_fn(|cx| {
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        if let Some(sleep) = finishing.as_mut().as_pin_mut() {
            return sleep.poll(cx);
        }
        if core.drain.is_on() && !told {
            // GOAWAY, after which streams in flight finish and new ones go to another connection.
            told = true;
            connection.as_mut().graceful_shutdown();
            if connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
        }
        match watch.as_mut().poll(cx) {
            Poll::Ready(Some(Expired::Idle)) => {
                connection.as_mut().graceful_shutdown();
                finishing.set(Some(sleep_until((Instant::now() + FINISH_WAIT).into())));
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(Some(_)) => Poll::Ready(()),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    })
    .await;
}

/// Looks at a connection's clocks whenever the connection is polled, and wakes it when the next one runs out. One timer
/// serves all of them and is moved only when it would be late.
struct Watch<'a> {
    state: &'a ConnectionState,
    drain: &'a Drain,
    armed_for: Instant,
    sleep: Pin<Box<Sleep>>,
    drain_started: Pin<Box<dyn Future<Output = ()> + 'a>>,
    listening: bool,
}

impl<'a> Watch<'a> {
    fn new(state: &'a ConnectionState, drain: &'a Drain) -> Self {
        let armed_for = state.next_deadline();
        Self {
            state,
            drain,
            armed_for,
            sleep: Box::pin(sleep_until(armed_for.into())),
            drain_started: Box::pin(drain.started()),
            listening: false,
        }
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Expired>> {
        let this = self.get_mut();
        if !this.listening {
            // The task's waker stays the same, so registering once is enough.
            this.listening = true;
            let _registered = this.drain_started.as_mut().poll(cx).is_pending();
        }
        if this.drain.is_on() {
            this.state.drain();
        }
        let due = this.state.next_deadline();
        if due < this.armed_for {
            this.arm(due);
        }
        // Each turn moves the timer forward or returns.
        while this.sleep.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if let Some(expired) = this.state.expired(now) {
                metrics::EXPIRED.with_label_values(&[name(expired)]).inc();
                return Poll::Ready(Some(expired));
            }
            let due = this.state.next_deadline().max(now + Duration::from_millis(1));
            this.arm(due);
        }
        Poll::Pending
    }

    fn arm(&mut self, due: Instant) {
        self.armed_for = due;
        self.sleep.as_mut().reset(due.into());
    }
}

fn name(expired: Expired) -> &'static str {
    match expired {
        Expired::Head => "head",
        Expired::Idle => "idle",
        Expired::Stalled => "write_stall",
        Expired::Total => "total",
    }
}

async fn linger(socket: &TcpStream) {
    // The TLS close_notify was sent by hyper's shutdown; what still comes in stays undecrypted.
    drop(SockRef::from(socket).shutdown(std::net::Shutdown::Write));
    let discard = async {
        let mut buffer = vec![0; LINGER_BUFFER_BYTES];
        let mut left = LINGER_BYTES_MAX;
        while left > 0 {
            if socket.readable().await.is_err() {
                return;
            }
            match socket.try_read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => left = left.saturating_sub(count),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    };
    drop(timeout(LINGER_WAIT, discard).await);
}

/// Runs hyper's HTTP/2 streams on this thread; they end with their connection.
#[derive(Clone, Copy)]
struct LocalExecutor;

impl<F: Future + 'static> Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        spawn_local(async move { drop(future.await) });
    }
}
