import { render } from "preact";
import { App } from "./app";
import { start } from "./state";
import "./page.css";

render(<App />, document.getElementById("page")!);
void start();
