//! `/v1/referral-widget`: what the in-app referral widget of the program says, and the secret that signs its tokens.

pub(super) mod put;
pub(super) mod renew;
pub(super) mod show;

use app::widget::WidgetRow;
use serde::Serialize;
use utoipa::ToSchema;

use super::links::WebAddress;

/// The settings of the in-app referral widget; null where nothing was set.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReferralWidget {
    /// What names it in a browser, as `product_id`; null until it was set up.
    #[schema(value_type = Option<super::program::TrackingId>)]
    product_id: Option<String>,
    /// Whether it answers.
    is_enabled: bool,
    /// What the dialog is called.
    title: Option<String>,
    /// Where personal links lead; `refby=` and the advocate's slug are added.
    #[schema(value_type = Option<WebAddress>)]
    landing_url: Option<String>,
    /// What whoever joins agrees to.
    terms: Option<String>,
    /// Where the terms can be read in full.
    #[schema(value_type = Option<WebAddress>)]
    terms_url: Option<String>,
    /// What the advocate gets, in words.
    advocate_reward: Option<String>,
    /// What her friend gets, in words.
    friend_reward: Option<String>,
    /// What is written beside a shared link.
    share_text: Option<String>,
    /// The deal of whoever joins; null for the program's default.
    deal_id: Option<i64>,
}

impl From<Option<WidgetRow>> for ReferralWidget {
    fn from(row: Option<WidgetRow>) -> ReferralWidget {
        let is_enabled = row.as_ref().is_some_and(|row| row.is_enabled);
        let deal_id = row.as_ref().and_then(|row| row.deal).map(|id| id.0);
        let product_id = row.as_ref().map(|row| row.product.to_string());
        let (mut title, mut landing_url, mut terms, mut share_text) = (None, None, None, None);
        let (mut terms_url, mut advocate_reward, mut friend_reward) = (None, None, None);
        if let Some(row) = row {
            (title, landing_url, terms) = (Some(row.title), Some(row.landing_url), Some(row.terms));
            (terms_url, share_text) = (row.terms_url, Some(row.share_text));
            (advocate_reward, friend_reward) = (row.advocate_reward, row.friend_reward);
        }
        ReferralWidget {
            product_id,
            is_enabled,
            title,
            landing_url,
            terms,
            terms_url,
            advocate_reward,
            friend_reward,
            share_text,
            deal_id,
        }
    }
}
