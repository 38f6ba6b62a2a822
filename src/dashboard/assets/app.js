// What every page does once it is there: times in the reader's zone, and staying live.
import { keepTimes } from "./times.js";
import { follow } from "./live.js";

keepTimes();
follow();
