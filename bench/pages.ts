/** Updates the pages and the chart from the stored results, without a measurement: `npm run bench:pages`. */
import { writePages } from "./report/markdown.js";

writePages();
