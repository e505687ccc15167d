//! The envelope of answers, after the outline of JSON:API: `{"data": {"id", "type", "attributes"}}`.

use app::click::ClickRow;
use app::ingest::Recorded;
use app::referral::ReferralView;
use domain::outcome::Standing;
use domain::time::Timestamp;
use serde::Serialize;
use uuid::Uuid;

/// A single resource, or a list of them.
#[derive(Serialize)]
pub(super) struct Envelope<D> {
    /// What is answered.
    pub(super) data: D,
}

/// A resource. Ids are strings.
#[derive(Serialize)]
pub(super) struct Resource<I, A> {
    /// Its id.
    pub(super) id: I,
    /// Its sort.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// Everything else.
    pub(super) attributes: A,
}

/// A referral as the company sees it. Times are Unix seconds.
#[derive(Serialize)]
pub(super) struct Referral<'a> {
    email: Option<&'a str>,
    uid: Option<&'a str>,
    state: &'static str,
    state_set_at: i64,
    created_at: i64,
    updated_at: i64,
}

impl<'a> Referral<'a> {
    /// A referral as a fact left it.
    pub(super) fn after(
        recorded: &Recorded,
        email: Option<&'a str>,
        uid: Option<&'a str>,
        created_at: Timestamp,
    ) -> Resource<Option<Uuid>, Referral<'a>> {
        // Registrations and churns store how the referral stood.
        let standing = recorded.outcome.referral.unwrap_or(Standing {
            state: domain::referral::State::Converted,
            state_set_at: recorded.occurred_at,
            updated_at: recorded.recorded_at,
        });
        let attributes = Referral {
            email,
            uid,
            state: standing.state.as_str(),
            state_set_at: standing.state_set_at.timestamp(),
            created_at: created_at.timestamp(),
            updated_at: standing.updated_at.timestamp(),
        };
        Resource { id: recorded.referral.map(|id| id.0), kind: "referral", attributes }
    }

    /// A click in the place of a referral.
    pub(super) fn clicked(click: &ClickRow) -> Resource<Uuid, Referral<'static>> {
        let at = click.clicked_at.timestamp();
        let attributes = Referral {
            email: None,
            uid: None,
            state: "clicked",
            state_set_at: at,
            created_at: at,
            updated_at: at,
        };
        Resource { id: click.id.0, kind: "referral", attributes }
    }

    /// A referral as it stands now.
    pub(super) fn at(view: &'a ReferralView, now: Timestamp) -> Resource<Uuid, Referral<'a>> {
        let (state, state_set_at) = view.referral.state_at(now);
        let attributes = Referral {
            email: view.email.as_deref(),
            uid: view.uid.as_deref(),
            state: state.as_str(),
            state_set_at: state_set_at.timestamp(),
            created_at: view.referral.created_at.timestamp(),
            updated_at: view.referral.updated_at.timestamp(),
        };
        Resource { id: view.referral.id.0, kind: "referral", attributes }
    }
}
