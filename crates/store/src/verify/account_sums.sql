select format('affiliate %s %s', affiliate_id, currency)
from account
where program_id = $1 and earned_lead + earned_acquisition + earned_share + earned_sub_affiliate + adjustments + paid +
    pending_lead + pending_acquisition + pending_share + pending_sub_affiliate + due + in_payout +
    carried_lead + carried_acquisition + carried_share + carried_sub_affiliate <> 0
