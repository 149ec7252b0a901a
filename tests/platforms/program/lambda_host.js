/**
 * What AWS Lambda does with the example's handler: a request becomes an event of its function URLs, in the
 * format 2.0, and the answer a response.
 * @module
 */
import { createServer } from "node:http";
import { handler } from "./aws_lambda.js";

createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const { pathname, searchParams } = new URL(request.url, "http://localhost");
  const event = {
    version: "2.0",
    rawPath: pathname,
    rawQueryString: searchParams.toString(),
    headers: request.headers,
    requestContext: { http: { method: request.method, path: pathname }, domainName: "localhost" },
    body: Buffer.concat(parts).toString("base64"),
    isBase64Encoded: true,
  };
  const { statusCode, headers, body, isBase64Encoded } = await handler(event, {});
  response.writeHead(statusCode, headers);
  response.end(Buffer.from(body, isBase64Encoded ? "base64" : "utf8"));
}).listen(Number(process.env.PORT), "127.0.0.1");
