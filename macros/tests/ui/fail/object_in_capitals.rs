use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = "LoyaltyCard")]
struct Card {
    points: i64,
}

fn main() {}
