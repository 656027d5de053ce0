//! A watch that is only listened to: that events come is noticed, what they say is not read. What a wait acts on is always
//! a look; the watch spares it the looks at what has not changed.

use std::pin::Pin;
use std::time::Duration;

use futures::{AsyncBufRead, AsyncBufReadExt, FutureExt};
use tokio::time::Instant;

use super::read::{Reader, Selection};
use super::status::{Refusal, refusal};
use super::wait::pause;

/// Longest pause without a look: a connection may be dead and say nothing.
const LONGEST: Duration = Duration::from_secs(10);
/// Longest time for a watch to begin; until it has begun, every tick is worth a look.
const OPENING: Duration = Duration::from_secs(5);

/// Events as bytes.
pub(super) type Events = Pin<Box<dyn AsyncBufRead + Send>>;

/// A watch on the objects of a list. Without the right to watch it has news at every tick, as nobody can know.
pub struct Watch {
    reader: Reader,
    path: String,
    selection: Selection,
    events: Option<Events>,
    is_forbidden: bool,
}

impl Watch {
    /// On the objects that `selection` means of the list at `path`; it begins with the first pause.
    pub fn new(reader: Reader, path: impl Into<String>, selection: Selection) -> Self {
        Self { reader, path: path.into(), selection, events: None, is_forbidden: false }
    }

    /// Pauses by whole ticks until an object may have changed since the last pause, and no further than `end`.
    pub async fn pause(&mut self, tick: Duration, end: Instant) {
        let end = end.min(Instant::now() + LONGEST);
        loop {
            pause(tick).await;
            if self.has_news().await || Instant::now() + tick > end {
                return;
            }
        }
    }

    async fn has_news(&mut self) -> bool {
        let Some(events) = &mut self.events else {
            if !self.is_forbidden {
                self.events = self.open().await;
            }
            // What happened before it began was not heard.
            return true;
        };
        let heard = drain(events).await;
        if heard == Heard::TheEnd {
            self.events = None;
        }
        heard != Heard::Nothing
    }

    async fn open(&mut self) -> Option<Events> {
        let opening = self.reader.watch(&self.path, &self.selection);
        let opened = tokio::time::timeout(OPENING, opening).await.ok()?;
        let mut events = match opened {
            Ok(events) => events,
            Err(e) => {
                self.is_forbidden = matches!(refusal(&e), Refusal::Forbidden(_));
                return None;
            }
        };
        // It begins with what is there already.
        (drain(&mut events).await != Heard::TheEnd).then_some(events)
    }
}

/// What came since somebody listened last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    Nothing,
    Something,
    /// The server ended the watch, or the connection broke.
    TheEnd,
}

/// Takes all that has come, without waiting for more than its turn.
///
/// The connection hands over one event at a time and needs a turn for the next; and in virtual time others are due at
/// the same instant, whose deeds are news already.
async fn drain(events: &mut Events) -> Heard {
    let (mut heard, mut had_their_turn) = (Heard::Nothing, false);
    loop {
        let length = match events.fill_buf().now_or_never() {
            None if had_their_turn => return heard,
            None => 0,
            Some(Ok(bytes)) if !bytes.is_empty() => bytes.len(),
            Some(_) => return Heard::TheEnd,
        };
        had_their_turn = length == 0;
        if had_their_turn {
            tokio::task::yield_now().await;
        } else {
            events.consume_unpin(length);
            heard = Heard::Something;
        }
    }
}
