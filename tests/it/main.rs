//! The product from outside, in one program: it is linked once.

#[path = "../fixtures/own_process.rs"]
mod own_process;
#[path = "../fixtures/program.rs"]
mod program;

mod accounts;
mod backwards;
mod cases;
mod crashes;
mod documents;
mod engine;
mod export;
mod going_on;
mod hostile;
mod house;
mod journeys;
mod like;
mod linked;
mod odd_answers;
mod private;
mod problems;
mod purchases;
mod regression;
mod requests;
mod round_trip;
mod secrets;
mod served;
mod shown;
mod starters;
mod stops;
mod tokens;
mod trust;
mod upload;
mod voyage;
mod workbook;
mod writes;
