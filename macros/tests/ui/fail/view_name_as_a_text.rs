use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = "loyalty.card", view = "CardView")]
struct Card {
    points: i64,
}

fn main() {}
