import { describePrograms } from "./page-programs.js";

describePrograms("README.md");
