use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = "loyalty.card", operations(list))]
struct Card {
    points: i64,
}

fn main() {}
