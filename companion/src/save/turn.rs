//! One content on its way to the server: looking, comparing, asking, sending.

use super::{Settled, attempts, choose, note};
use crate::api::{ApiError, Destination, FileInfo};
use crate::conflict::{Decision, Obstacle, choices, decided, is_changed};
use crate::context::Ending;
use crate::edit::Edit;
use crate::outcome::Failure;
use crate::person::Choice;
use crate::session::{Base, Content};

/// How often one save begins anew by itself because the file on the server changes all the time.
const MOST_TURNS: usize = 6;

/// The status of a share without room (RFC 4918 11.5).
const NO_ROOM: u16 = 507;

/// One content on its way to the server.
pub(super) struct Save<'a, 'p> {
    pub(super) edit: &'a Edit<'p>,
    pub(super) ending: &'a Ending,
    pub(super) content: &'a Content,
    /// When the server says that it saved.
    pub(super) modified_at: Option<String>,
    pub(super) turns: usize,
}

impl Save<'_, '_> {
    pub(super) async fn run(&mut self) -> Result<Settled, Failure> {
        while self.turns < MOST_TURNS {
            self.turns += 1;
            if let Some(settled) = self.turn().await? {
                return Ok(settled);
            }
        }
        Ok(Settled::Kept("the file on the server changes all the time".to_owned()))
    }

    /// Looks and saves; `None`: once more from the beginning.
    async fn turn(&mut self) -> Result<Option<Settled>, Failure> {
        if let Some(loss) = self.edit.loss() {
            let obstacle = Obstacle::LockLost { token_is_good: loss.code.leaves_the_token() };
            return self.overcome(obstacle, loss.message).await;
        }
        let there = match attempts::persistently(self.ending.patience, async || self.edit.look().await).await
        {
            Ok(info) => Some(info),
            Err(ApiError::Refused { status: 404, .. }) => None,
            Err(fault) => return self.failed(fault).await,
        };
        let base = self.edit.session().base.clone();
        match there {
            None => {
                let path = self.edit.session().path.clone();
                self.overcome(Obstacle::Gone, format!("{path} is not on the server any more")).await
            }
            Some(info) if base.as_ref().is_some_and(|base| is_changed(base, &info)) => {
                self.changed(&info).await
            }
            // The person went back to where he began, and nothing of what lay between had come through.
            Some(FileInfo { modified_at: Some(_), .. })
                if base.is_some_and(|base| base.modified_at.is_some() && base.content == *self.content) =>
            {
                Ok(Some(Settled::Unchanged))
            }
            Some(_) => self.upload(Destination::File).await,
        }
    }

    /// Somebody else changed the file, or we did and do not know it.
    async fn changed(&mut self, there: &FileInfo) -> Result<Option<Settled>, Failure> {
        let size = there.size;
        // This content is among them, too.
        let ours = self.edit.session().unanswered.clone();
        if let Some(size) = size.filter(|size| ours.iter().any(|content| content.size == *size)) {
            let found = attempts::persistently(self.ending.patience, async || self.edit.download(size).await);
            match found.await {
                Ok(found) if found == *self.content => {
                    tracing::debug!("an earlier attempt had come through");
                    self.modified_at.clone_from(&there.modified_at);
                    return Ok(Some(Settled::Saved));
                }
                Ok(found) if ours.contains(&found) => {
                    tracing::debug!("an earlier attempt with another content had come through");
                    let modified_at = there.modified_at.clone();
                    note(self.edit, |session| session.base = Some(Base { modified_at, content: found }));
                    return Ok(None);
                }
                Ok(_) => {}
                // What is there was not seen, so that nothing can be said of it.
                Err(fault) => return self.failed(fault).await,
            }
        }
        let path = self.edit.session().path.clone();
        let since = |time: Option<&str>| time.map_or_else(String::new, |time| format!(", {time}"));
        let bytes = |size: Option<u64>| size.map_or_else(|| "?".to_owned(), |size| size.to_string());
        let base = self.edit.session().base.clone();
        let question = format!(
            "{path} was changed on the server while you edited it (it was {} bytes{}; it is {} bytes{})",
            bytes(base.as_ref().map(|base| base.content.size)),
            since(base.as_ref().and_then(|base| base.modified_at.as_deref())),
            bytes(size),
            since(there.modified_at.as_deref()),
        );
        self.overcome(Obstacle::Changed, question).await
    }

    /// Does what was said beforehand, or what the person says now.
    async fn overcome(&mut self, obstacle: Obstacle, why: String) -> Result<Option<Settled>, Failure> {
        match self.decide(obstacle, &why).await {
            Decision::Overwrite => self.upload(Destination::File).await,
            Decision::Copy => self.upload(Destination::Copy).await,
            Decision::Keep => Ok(Some(Settled::Kept(why))),
            Decision::Discard => Ok(Some(Settled::Discarded)),
            Decision::TryAgain => Ok(self.try_again()),
        }
    }

    async fn decide(&self, obstacle: Obstacle, why: &str) -> Decision {
        if let Some(decision) = decided(self.ending.policy, obstacle) {
            return decision;
        }
        choose(self.edit, &format!("{why}."), &choices(obstacle)).await.unwrap_or(Decision::Keep)
    }

    /// The person wants it: then it does not count.
    fn try_again(&mut self) -> Option<Settled> {
        self.turns = 0;
        None
    }

    async fn upload(&mut self, destination: Destination) -> Result<Option<Settled>, Failure> {
        let (edit, content) = (self.edit, self.content);
        let uploaded = attempts::persistently(self.ending.patience, async || {
            let (result, went_out) = edit.upload(content, destination).await;
            match result {
                // A second attempt at the file's place finds out what the first one did. One beside it would be another copy.
                Err(fault)
                    if destination == Destination::Copy && went_out && fault.leaves_open_what_was_done() =>
                {
                    Ok(Err(fault))
                }
                result => result.map(Ok),
            }
        });
        match uploaded.await {
            Ok(Ok(saved)) if saved.is_copy() => Ok(Some(Settled::SavedBeside(saved.path))),
            Ok(Ok(saved)) => {
                self.modified_at = saved.last_modified;
                Ok(Some(Settled::Saved))
            }
            Ok(Err(lost)) => Ok(self.copy_without_an_answer(&lost).await),
            // It changed since we looked, or an attempt came through whose answer was lost: look again.
            Err(ApiError::Conflict { .. }) => Ok(None),
            Err(fault) if destination == Destination::Copy && fault.lifecycle().is_some() => {
                Ok(Some(Settled::Kept(fault.to_string())))
            }
            Err(fault) => self.failed(fault).await,
        }
    }

    /// There may be a copy beside the file already. The companion cannot look there: its token is for the file alone.
    async fn copy_without_an_answer(&mut self, lost: &ApiError) -> Option<Settled> {
        let why = format!("{lost}; your copy may be beside the file on the server already, or not");
        let answers = [
            Choice {
                key: 't',
                meaning: "try again: there may be two copies then",
                value: Decision::TryAgain,
            },
            Choice {
                key: 'k',
                meaning: "keep: your version stays on this computer as well",
                value: Decision::Keep,
            },
        ];
        match self.edit.person().choose(&format!("{why}."), &answers).await {
            Some(Decision::TryAgain) => self.try_again(),
            _ => Some(Settled::Kept(why)),
        }
    }

    async fn failed(&mut self, fault: ApiError) -> Result<Option<Settled>, Failure> {
        if fault.lifecycle().is_some() {
            // It is noted as a loss, which the next turn begins with.
            return Ok(None);
        }
        if !fault.is_passing() {
            let why = match &fault {
                ApiError::Refused { status: NO_ROOM, detail } => {
                    format!(
                        "{}; it can be saved after somebody has made room there",
                        detail.trim_end_matches('.')
                    )
                }
                other => other.to_string(),
            };
            return Ok(match self.decide(Obstacle::Refused, &why).await {
                Decision::Keep => Some(Settled::Kept(why)),
                Decision::Discard => Some(Settled::Discarded),
                Decision::Overwrite | Decision::Copy | Decision::TryAgain => self.try_again(),
            });
        }
        let answers = [
            Choice { key: 't', meaning: "try again", value: Decision::TryAgain },
            Choice {
                key: 'k',
                meaning: "keep: your version stays on this computer for now",
                value: Decision::Keep,
            },
        ];
        match self.edit.person().choose(&format!("{fault}."), &answers).await {
            Some(Decision::TryAgain) => Ok(self.try_again()),
            _ => Ok(Some(Settled::Unreachable(fault.to_string()))),
        }
    }
}
