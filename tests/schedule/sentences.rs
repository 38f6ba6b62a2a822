//! The English sentence of an expression says what the expression does.

use crate::factory::cron;

#[test]
fn sentences_read_as_a_person_would_say_it() {
    for (text, sentence) in [
        ("0 2 * * *", "At 02:00 every day."),
        ("@daily", "At 00:00 every day."),
        ("@hourly", "Every hour."),
        ("* * * * *", "Every minute."),
        ("* * * * * *", "Every second."),
        ("*/5 * * * *", "Every 5 minutes."),
        ("*/10 * * * * *", "Every 10 seconds."),
        ("0 */6 * * *", "At 00:00, 06:00, 12:00 and 18:00 every day."),
        ("0 */2 * * *", "Every 2 hours."),
        ("30 */2 * * *", "At minute 30 of every 2nd hour."),
        ("30 * * * *", "At minute 30 of every hour."),
        ("0,30 * * * *", "Every 30 minutes."),
        ("7,12 * * * *", "At minutes 7 and 12 of every hour."),
        ("0 9 * * 1-5", "At 09:00, Monday to Friday."),
        ("0 0 * * 0", "At 00:00 on Sunday."),
        ("@monthly", "At 00:00 on the 1st of the month."),
        ("@yearly", "At 00:00 on the 1st of the month in January."),
        ("0 12 * 6-8 *", "At 12:00 every day from June to August."),
        ("0 8,20 * * *", "At 08:00 and 20:00 every day."),
        ("*/15 9-17 * * MON-FRI", "Every 15 minutes from 09:00 to 17:59, Monday to Friday."),
        ("0 9-17 * * 1-5", "Every hour from 09:00 to 17:00, Monday to Friday."),
        ("0 0-5,8,20-22 * * *", "Every hour from 00:00 to 05:00, at 08:00 and every hour from 20:00 to 22:00."),
        ("30 9-17 * * *", "At minute 30 from 09:00 to 17:59."),
        ("* 3 * * *", "Every minute from 03:00 to 03:59."),
        ("*/7 * * * *", "At minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour."),
        ("0 0 L * *", "At 00:00 on the last day of the month."),
        ("0 0 L-1 * *", "At 00:00 on the last day but one of the month."),
        ("0 0 L-3 * *", "At 00:00 on the 3rd day before the last of the month."),
        ("0 0 LW * *", "At 00:00 on the last weekday of the month."),
        ("0 0 15W * *", "At 00:00 on the weekday nearest to the 15th of the month."),
        ("0 0 * * FRI#2", "At 00:00 on the 2nd Friday of the month."),
        ("0 0 * * 5L", "At 00:00 on the last Friday of the month."),
        ("0 0 13 * FRI", "At 00:00 on the 13th of the month and on Friday."),
        ("0 0 */2 * MON", "At 00:00 on every 2nd day from the 1st of the month, if it is a Monday."),
        ("30 15 10 * * *", "At 10:15:30 every day."),
        ("15 * * * * *", "At second 15 of every minute."),
        ("*/10 30 * * * *", "Every 10 seconds of minute 30 of every hour."),
        ("* * 3 * * *", "Every second from 03:00 to 03:59."),
        ("0 0 1 1,7 *", "At 00:00 on the 1st of the month in January and July."),
        ("* * 1 * *", "Every minute, on the 1st of the month."),
        ("*/5 * * 12 *", "Every 5 minutes, in December."),
        ("0 0 * * MON#1,FRIL", "At 00:00 on the 1st Monday and the last Friday of the month."),
        ("0 0 1-7 * MON", "At 00:00 on the 1st to 7th of the month and on Monday."),
        (
            "0 0 */2 * FRI-SUN,TUE",
            "At 00:00 on every 2nd day from the 1st of the month, if it is a Sunday, a Tuesday, a Friday or a Saturday.",
        ),
        ("0 0 1-31 * MON", "At 00:00 every day."),
        // What the schedules of others were written as.
        ("0 02 * * *", "At 02:00 every day."),
        ("0 */30 * * * *", "Every 30 minutes."),
        ("0 * * * * *", "Every minute."),
    ] {
        assert_eq!(cron(text).describe(), sentence, "{text}");
    }
}
