//! Bodies on their way through: the client's towards the backend and the backend's towards the client, frame by frame.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use thiserror::Error;

use super::pool::Lease;
use super::state::Ticket;
use super::upstream::Upstream;
use crate::metrics::FOREIGN_BODY_BYTES;
use crate::region::RegionName;
use crate::residency::Verdict;

/// What both directions of one request know of each other.
pub(super) struct Transfer {
    pub(super) ticket: Ticket,
    /// By the verdict on the request this region does not serve it. Such a request has no way to here; if a mistake makes
    /// one, its body is counted and goes no further.
    foreign: bool,
    upload_polled: Cell<bool>,
    upload_done: Cell<bool>,
    /// The connection that the request leaves on.
    upstream: RefCell<Option<Arc<Upstream>>>,
}

impl Transfer {
    /// For a request with this verdict, in region `own`.
    pub(super) fn new(ticket: Ticket, verdict: &Verdict, own: RegionName) -> Rc<Self> {
        let foreign = !matches!(verdict, Verdict::Serve(route) if route.region == own);
        let no = || Cell::new(false);
        let upstream = RefCell::default();
        Rc::new(Self { ticket, foreign, upload_polled: no(), upload_done: no(), upstream })
    }

    /// From now on the request leaves on this connection.
    pub(super) fn leaves_on(&self, upstream: &Arc<Upstream>) {
        *self.upstream.borrow_mut() = Some(upstream.clone());
    }

    fn poll_upstream(&self, cx: &Context<'_>) -> Poll<()> {
        self.upstream.borrow().as_ref().map_or(Poll::Ready(()), |upstream| upstream.poll_writable(cx))
    }

    /// Whether anything of the body may have left for the backend.
    pub(super) fn upload_started(&self) -> bool {
        self.upload_polled.get()
    }

    /// Whether the client's body has ended.
    pub(super) fn upload_done(&self) -> bool {
        self.upload_done.get()
    }
}

/// Why a body broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum BodyError {
    /// The client went away, or what it sent is malformed.
    #[error("the client's body broke off")]
    Client,
    /// The client sends more slowly than the minimum rate.
    #[error("the client's body is late")]
    Late,
    /// The body is larger than the limit.
    #[error("the client's body is too large")]
    TooLarge,
    /// The body of a request that this region does not serve came as far as to be read.
    #[error("the body is not this region's to read")]
    Foreign,
    /// The backend went away in the middle of its response.
    #[error("the backend's response broke off")]
    Backend,
}

/// The client's body on its way to the backend. Trailers end here: nothing of ours reads them, and they are a way to
/// smuggle fields past the rules for heads.
pub(super) enum RequestBody<B = Incoming> {
    Empty,
    Streaming { incoming: B, transfer: Rc<Transfer>, left_bytes: u64 },
}

impl<B: Body> RequestBody<B> {
    pub(super) fn new(incoming: B, transfer: &Rc<Transfer>, bytes_max: u64) -> Self {
        if incoming.is_end_stream() {
            transfer.upload_done.set(true);
            return Self::Empty;
        }
        Self::Streaming { incoming, transfer: transfer.clone(), left_bytes: bytes_max }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Self::Streaming { incoming, transfer, left_bytes } = self.get_mut() else {
            return Poll::Ready(None);
        };
        transfer.upload_polled.set(true);
        ready!(transfer.poll_upstream(cx));
        let Poll::Ready(frame) = Pin::new(&mut *incoming).poll_frame(cx) else {
            ready!(transfer.ticket.body_pending(cx));
            return Poll::Ready(Some(Err(BodyError::Late)));
        };
        let data = match frame {
            None => None,
            Some(Err(_)) => return Poll::Ready(Some(Err(BodyError::Client))),
            Some(Ok(frame)) => frame.into_data().ok(),
        };
        let Some(data) = data else {
            transfer.upload_done.set(true);
            return Poll::Ready(None);
        };
        let bytes = u64::try_from(data.len()).unwrap_or(u64::MAX);
        if transfer.foreign {
            FOREIGN_BODY_BYTES.inc_by(bytes);
            return Poll::Ready(Some(Err(BodyError::Foreign)));
        }
        transfer.ticket.body_arrived(data.len());
        match left_bytes.checked_sub(bytes) {
            None => return Poll::Ready(Some(Err(BodyError::TooLarge))),
            Some(left) => *left_bytes = left,
        }
        if incoming.is_end_stream() {
            transfer.upload_done.set(true);
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Streaming { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Streaming { incoming, .. } => incoming.size_hint(),
        }
    }
}

/// What the client gets: an answer of ours, or the backend's body with the connection it comes over.
pub(super) enum ResponseBody {
    Own(Full<Bytes>),
    Streaming(Box<Stream>),
}

/// A backend's body. Its connection goes back to the pool at the end of the body and not before.
pub(super) struct Stream {
    incoming: Incoming,
    lease: Option<Lease>,
    transfer: Rc<Transfer>,
}

impl ResponseBody {
    /// An answer without a body.
    pub(super) fn empty() -> Self {
        Self::Own(Full::default())
    }

    /// An answer of ours.
    pub(super) fn own(content: Bytes) -> Self {
        Self::Own(Full::new(content))
    }

    /// The backend's answer.
    pub(super) fn streaming(incoming: Incoming, lease: Lease, transfer: Rc<Transfer>) -> Self {
        let mut stream = Stream { incoming, lease: Some(lease), transfer };
        if stream.incoming.is_end_stream() {
            stream.finish();
        }
        Self::Streaming(Box::new(stream))
    }
}

impl Stream {
    fn finish(&mut self) {
        if let Some(lease) = self.lease.take() {
            // After an early response the rest of the request's body would be read as the next request.
            if self.transfer.upload_done() {
                lease.give_back();
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        ready!(self.transfer.ticket.state().poll_room(cx));
        let incoming = &mut self.incoming;
        let frame = match &mut self.lease {
            Some(lease) => lease.poll_for(cx, |own| Pin::new(&mut *incoming).poll_frame(own)),
            None => Pin::new(incoming).poll_frame(cx),
        };
        let Poll::Ready(frame) = frame else {
            self.transfer.ticket.asked();
            return Poll::Pending;
        };
        match frame.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => {
                self.transfer.ticket.handed_over(data.len());
                if self.incoming.is_end_stream() {
                    self.finish();
                }
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            None | Some(Ok(Err(_))) => {
                self.finish();
                Poll::Ready(None)
            }
            Some(Err(_)) => {
                self.lease = None;
                Poll::Ready(Some(Err(BodyError::Backend)))
            }
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Own(full) => Pin::new(full).poll_frame(cx).map_err(|never| match never {}),
            Self::Streaming(stream) => stream.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(full) => full.is_end_stream(),
            Self::Streaming(stream) => stream.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(full) => full.size_hint(),
            Self::Streaming(stream) => stream.incoming.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Route, TenantState};
    use crate::front_door::config::Limits;
    use crate::front_door::state::{ConnectionState, Deadlines};
    use crate::ids::{Epoch, ShardId, TenantId};
    use futures_util::FutureExt;
    use http_body_util::BodyExt;

    /// Reads a body as the way to the backend does, for a request with this verdict; how many bytes were counted foreign.
    fn read(verdict: &Verdict) -> (u64, Result<Bytes, BodyError>) {
        let state = ConnectionState::new(Deadlines::new(&Limits::default()));
        let transfer = Transfer::new(state.begin(), verdict, "us-east-1".parse().unwrap());
        let body = RequestBody::new(Full::new(Bytes::from_static(b"phi")), &transfer, 1_000);
        let before = FOREIGN_BODY_BYTES.get();
        let read = body.collect().now_or_never().unwrap().map(|all| all.to_bytes());
        (FOREIGN_BODY_BYTES.get() - before, read)
    }

    #[test]
    fn a_body_read_against_the_verdict_is_counted_and_goes_no_further() {
        let route = |region: &str| Route {
            id: TenantId::from([1; 16]),
            region: region.parse().unwrap(),
            code: "us".parse().unwrap(),
            shard: ShardId(1),
            state: TenantState::Active,
            epoch: Epoch(1),
        };
        assert_eq!(read(&Verdict::Serve(route("us-east-1"))), (0, Ok(Bytes::from_static(b"phi"))));
        // The mistakes the counter is for: a refused request that is sent on, and a wrong verdict.
        for mistake in [Verdict::Misdirected421 { right_host: None }, Verdict::Serve(route("ap-south-1"))] {
            assert_eq!(read(&mistake), (3, Err(BodyError::Foreign)), "{mistake:?}");
        }
    }
}
