// What the demo's site tells Refero, read from the attributes of its pages: who it is, and who signed up.

const { tracking, uid, email, product, token } = document.body.dataset;
window.refero("init", tracking);
window.refero("track", "pageview");
if (uid) {
  window.refero("track", "conversion", { uid, email });
  document.getElementById("recommend").addEventListener("click", () => {
    if (!window.referralWidget) {
      window.refero("loadReferralWidget", { product_id: product, auth_token: token, user_details: { email } });
    }
    window.referralWidget.show();
  });
}
