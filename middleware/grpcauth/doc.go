// Package grpcauth puts a validator in front of gRPC methods.
package grpcauth
