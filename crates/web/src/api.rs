//! The native API: `/v1/...`, its description at `/v1/openapi.json`, and that description for people at `/docs`.
//!
//! One operation is one file, named after its path; what several share is here beside them. A route and its
//! description are registered by the same call, so neither can exist without the other.

mod activity;
mod adjustments;
mod affiliates;
mod balances;
mod brands;
mod clicks;
mod commissions;
mod conversions;
mod coupons;
mod deals;
mod docs;
mod document;
mod events;
mod explain;
mod extract;
pub(crate) mod fields;
mod inquiries;
mod keys;
pub(crate) mod links;
mod log;
mod once;
mod openings;
mod page;
mod payouts;
mod periods;
mod postbacks;
mod problem;
mod program;
mod rates;
mod referral_widget;
mod referrals;
mod reviews;
mod visits;

use app::App;
use axum::Router;
use axum::routing::{any, get};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Every operation with its description.
fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(document::frame())
        .routes(routes!(program::show::show_program, program::update::update_program))
        .routes(routes!(affiliates::list::list_affiliates, affiliates::create::create_affiliate))
        .routes(routes!(affiliates::show::show_affiliate, affiliates::update::update_affiliate))
        .routes(routes!(affiliates::balances::show_balances))
        .routes(routes!(balances::list::list_balances))
        .routes(routes!(deals::list::list_deals, deals::create::create_deal))
        .routes(routes!(deals::show::show_deal, deals::update::update_deal))
        .routes(routes!(deals::versions::list_deal_versions))
        .routes(routes!(deals::accept::accept_deal))
        .routes(routes!(referrals::list::list_referrals))
        .routes(routes!(referrals::show::show_referral))
        .routes(routes!(referrals::reject::reject_referral))
        .routes(routes!(referrals::attributions::list_attributions))
        .routes(routes!(referrals::reassign::reassign_referral))
        .routes(routes!(conversions::create_conversion))
        .routes(routes!(coupons::list::list_coupons, coupons::create::create_coupon))
        .routes(routes!(coupons::show::show_coupon, coupons::update::update_coupon))
        .routes(routes!(reviews::list::list_reviews))
        .routes(routes!(reviews::resolve::resolve_review))
        .routes(routes!(inquiries::list::list_inquiries, inquiries::create::create_inquiry))
        .routes(routes!(inquiries::show::show_inquiry))
        .routes(routes!(inquiries::answer::answer_inquiry))
        .routes(routes!(events::list::list_events, events::create::create_event))
        .routes(routes!(events::bulk::create_events))
        .routes(routes!(events::show::show_event))
        .routes(routes!(events::explain::explain_event))
        .routes(routes!(activity::create::create_activity))
        .routes(routes!(brands::list::list_brands))
        .routes(routes!(brands::put::put_brand))
        .routes(routes!(periods::list::list_periods))
        .routes(routes!(periods::close::close_period))
        .routes(routes!(log::read_log))
        .routes(routes!(rates::list_rates))
        .routes(routes!(commissions::list::list_commissions))
        .routes(routes!(commissions::show::show_commission))
        .routes(routes!(commissions::explain::explain_commission))
        .routes(routes!(commissions::reject::reject_commission))
        .routes(routes!(adjustments::list::list_adjustments, adjustments::create::create_adjustment))
        .routes(routes!(openings::create_opening))
        .routes(routes!(payouts::list::list_payouts, payouts::create::create_payout))
        .routes(routes!(payouts::show::show_payout))
        .routes(routes!(payouts::step::step_payout))
        .routes(routes!(postbacks::list::list_postbacks, postbacks::create::create_postback))
        .routes(routes!(postbacks::show::show_postback, postbacks::update::update_postback))
        .routes(routes!(postbacks::calls::list_postback_calls))
        .routes(routes!(postbacks::resend::resend_postback_call))
        .routes(routes!(links::list::list_links, links::create::create_link))
        .routes(routes!(links::show::show_link, links::update::update_link))
        .routes(routes!(links::qr::show_link_qr))
        .routes(routes!(clicks::list_clicks))
        .routes(routes!(visits::list_visits))
        .routes(routes!(
            referral_widget::show::show_referral_widget,
            referral_widget::put::put_referral_widget
        ))
        .routes(routes!(referral_widget::renew::renew_widget_secret))
        .routes(routes!(keys::list::list_keys, keys::create::create_key))
        .routes(routes!(keys::revoke::revoke_key))
        .routes(routes!(document::show_document))
}

pub(crate) fn router() -> Router<App> {
    let (router, _) = operations().split_for_parts();
    router
        .route("/docs", get(docs::show_docs))
        .method_not_allowed_fallback(problem::no_method)
        .route("/v1", any(problem::no_route))
        .route("/v1/", any(problem::no_route))
        .route("/v1/{*rest}", any(problem::no_route))
}
